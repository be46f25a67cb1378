package autoscale

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// minutes of a stage's day, in scrapes of 15 s: nobody there, twelve requests at
// each of two replicas with eight places, nobody there again, twelve requests of
// which none ends, and a server whose page is lost.
const (
	scrape    = 15
	busyFrom  = 5 * 60 / scrape
	quietFrom = 10 * 60 / scrape
	stuckFrom = 20 * 60 / scrape
	lostFrom  = 25 * 60 / scrape
	end       = 32 * 60 / scrape
)

// stage writes the stage's series: gauges with a value while it is busy, and
// counters that grow by so much a second then.
func stage() map[string]string {
	line := func(value func(i int) float64) string {
		values := make([]string, 0, end)
		for i := range lostFrom {
			values = append(values, strconv.FormatFloat(value(i), 'g', -1, 64))
		}
		return strings.Join(append(values, "_x"+strconv.Itoa(end-lostFrom)), " ")
	}
	busy := func(i int) bool { return i >= busyFrom && i < quietFrom }
	level := func(v float64) string {
		return line(func(i int) float64 {
			if busy(i) || i >= stuckFrom {
				return v
			}
			return 0
		})
	}
	total := func(rate float64) string {
		return line(func(i int) float64 {
			return rate * scrape * float64(min(max(i-busyFrom+1, 0), quietFrom-busyFrom))
		})
	}
	always := line(func(int) float64 { return 8 })
	series := map[string]string{`limelight_stage_requests_waiting{stage="2"}`: line(func(int) float64 { return 0 })}
	for _, at := range []string{`replica="0",stage="2"`, `replica="1",stage="2"`} {
		series["limelight_replica_requests{"+at+"}"] = level(12)
		series["limelight_replica_places{"+at+"}"] = always
		series[`limelight_stage_part_seconds_sum{part="queue",`+at+"}"] = total(4)
		series[`limelight_stage_part_seconds_sum{part="work",`+at+"}"] = total(1)
		series["vllm:omni_audio_duration_s_sum{"+at+"}"] = total(4)
		for bound, rate := range map[string]float64{"0.5": 0, "1": 1, "1.25": 2, "+Inf": 2} {
			series[`vllm:omni_audio_rtf_bucket{le="`+bound+`",`+at+"}"] = total(rate)
		}
	}
	return series
}

// answered is what a HorizontalPodAutoscaler makes of the number, for a stage
// with so many replicas that are ready.
func answered(s Signal, value float64, ready int) int {
	threshold := s.Threshold(8)
	ratio := value / threshold
	if s.Target == PerReplica {
		ratio /= float64(ready)
	}
	if math.Abs(ratio-1) <= 0.1 {
		return ready
	}
	return max(1, int(math.Ceil(ratio*float64(ready))))
}

func TestRecommendationRisesWithWaitingRequestsAndFallsWithoutFlapping(t *testing.T) {
	type answer struct {
		value    float64
		replicas int // of a stage that has two
	}
	none := answer{math.NaN(), 0}
	moments := []struct {
		name    string
		minutes []int
		want    map[string]answer // of a signal that isn't named: zero, and one replica
	}{
		{"nobody was ever there", []int{1, 4}, nil},
		{"two replicas have more than they can do", []int{8, 9}, map[string]answer{
			"demand": {24, 4}, "waiting": {8, 10}, "occupancy": {1.5, 4}, "queue": {8, 8}, "share": {2.5, 5}, "rtf": {2.45, 4},
		}},
		{"nobody is there any more", []int{13, 14, 15, 16, 17, 18, 19}, nil},
		{"no request ends: what is measured at ends falls silent, and does not count", []int{23, 24}, map[string]answer{
			"demand": {24, 4}, "waiting": {8, 10}, "occupancy": {1.5, 4},
		}},
		{"the page is lost: an autoscaler keeps what it has", []int{31}, map[string]answer{
			"demand": none, "waiting": none, "occupancy": none, "queue": none,
		}},
	}
	var test strings.Builder
	fmt.Fprintf(&test, "tests:\n  - interval: %ds\n    input_series:\n", scrape)
	for name, values := range stage() {
		fmt.Fprintf(&test, "      - {series: '%s', values: '%s'}\n", name, values)
	}
	test.WriteString("    promql_expr_test:\n")
	for _, m := range moments {
		for _, s := range Signals() {
			if !slices.Contains(s.Roles, Code2Wav) {
				continue
			}
			want, named := m.want[s.Name]
			if !named {
				want = answer{0, 1}
			}
			if !math.IsNaN(want.value) {
				if got := answered(s, want.value, 2); got != want.replicas {
					t.Errorf("%s: %s of %v: %d replicas, want %d", m.name, s.Name, want.value, got, want.replicas)
				}
			}
			for _, minute := range m.minutes {
				fmt.Fprintf(&test, "      - expr: round(%s, 0.0001)\n        eval_time: %dm\n        exp_samples: [", s.Query(`stage="2"`, ""), minute)
				if !math.IsNaN(want.value) {
					fmt.Fprintf(&test, "{labels: '{}', value: %v}", want.value)
				}
				test.WriteString("]\n")
			}
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool; Debian has it in the package prometheus")
	}
	file := filepath.Join(t.TempDir(), "test.yml")
	if err := os.WriteFile(file, []byte(test.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
