package merge

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A comment between two lines keeps them from being compared; nothing else may
// come of it.
func FuzzLinesAreReadAsByThemselves(f *testing.F) {
	for _, engine := range []string{"vllm", "sglang", "llamacpp"} {
		text, err := os.ReadFile("../testdata/engines/" + engine + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	const line = "# TYPE h histogram\nh_bucket{a=\"b\",le=\"1\",c=\"d\"} 1\n"
	for _, next := range []string{
		`h_bucket{a="b",le="2",c="d"} 2`, `h_bucket{a="b",le="1",c="d"} 2`, `h_bucket{a="b",le="12345678.1234567890123456",c="d"} 12345678.1234567890123456`,
		`h_bucket{a="b",le="123456789",c="d"} 1`, `h_bucket{a="b",le="2",c="d"} 123456789`, `h_bucket{a="b",le="2e1",c="d"} 2`, `h_bucket{a="b",le="2",c="d"} 2e1`,
		`h_bucket{a="b",le="+Inf",c="d"} 2`, `h_bucket{a="b",le="-2",c="d"} -2`, `h_bucket{a="b",le="2",c="d"} 2 3`, `h_bucket{a="b",le="2",c="d"} 2 # 3`,
		`h_bucket{a="b",le="2",c="d"}  2`, `h_bucket{a="b",le="2",c="d"}2`, `h_bucket{a="b",le="2",c="d"} 2.`, `h_bucket{a="b",le="2",c="e"} 2`, `h_bucket{a="b",le="2x",c="d"} 2`,
		"h_bucket{a=\"b\",le=\"2\",c=\"d\"} 2\r", "h_bucket{a=\"b\",le=\"2\",c=\"\xff\"} 2", `h_bucket{le="2",a="b",c="d"} 2`, `h_sum{a="b",c="d"} 2`,
	} {
		f.Add(line + next + "\n" + next + "\nh_bucket{a=\"b\",le=\"7\",c=\"d\"} 3\nx 12345678901234567890\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		apart := bytes.ReplaceAll([]byte(text), []byte("\n"), []byte("\n# x\n"))
		for _, rules := range []Rules{anything, EngineFamilies} {
			a, b := page(text, here, rules), page(string(apart), here, rules)
			if a.Series != b.Series || a.Malformed != b.Malformed {
				t.Errorf("%d series and %d malformed lines, apart %d and %d", a.Series, a.Malformed, b.Series, b.Malformed)
			}
			if got, want := merged(t, a), merged(t, b); got != want {
				t.Error(cmp.Diff(want, got))
			}
		}
	})
}

func TestPlainNumbersAreAsLongAsAllNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	plain := 0
	for range 20_000 {
		number := strconv.FormatFloat(random.Float64()*float64(random.Uint64()>>random.IntN(64)), 'f', random.IntN(18), 64)
		text := []byte(fmt.Sprintf("%s%c%40d", number, " \n\"e.x,}"[random.IntN(8)], random.Uint64()))[random.IntN(len(number)):]
		got := numberLength(text)
		if want := anyLength(text); got != want {
			t.Fatalf("%q: %d, want %d", text, got, want)
		}
		if plainLength(text) > 0 {
			plain++
		}
	}
	if plain < 5_000 {
		t.Errorf("only %d of the numbers are plain", plain)
	}
}
