package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJoinKeepsTheOrderAndTouchesNothing(t *testing.T) {
	a, b := &Embeddings{Prompt: []float32{1, 2}, Text: []float32{3, 4}, Width: 2}, &Embeddings{Text: []float32{5, 6}, Width: 2}
	got, err := Join([]Payload{a, b})
	if diff := cmp.Diff(&Embeddings{Prompt: []float32{1, 2}, Text: []float32{3, 4, 5, 6}, Width: 2}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if len(a.Text) != 2 || len(b.Text) != 2 {
		t.Error("a part was changed")
	}
	got, err = Join([]Payload{&Frames{Codes: []int32{1, 2}, Groups: 2}, &Frames{Codes: []int32{3, 4}, Groups: 2}})
	if diff := cmp.Diff(&Frames{Codes: []int32{1, 2, 3, 4}, Groups: 2}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	got, err = Join([]Payload{&Text{Text: "Hello."}, &Text{Text: "How are you?"}})
	if diff := cmp.Diff(&Text{Text: "Hello. How are you?"}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := Join([]Payload{a}); got != a || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := Join(nil); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range [][]Payload{
		{a, &Embeddings{Width: 3}}, {a, &Frames{}}, {&Frames{Groups: 2}, a}, {&Frames{Groups: 2}, &Frames{Groups: 3}}, {&Audio{}, &Audio{}}, {&Text{}, a},
	} {
		if got, err := Join(bad); err == nil {
			t.Errorf("%v were joined to %v", bad, got)
		}
	}
}
