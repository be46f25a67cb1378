package rules

import "fmt"

// record is a series that alerts need: omni families under one name, whichever
// prefix the server gives them.
type record struct {
	name string
	by   string // its labels
	of   []string
}

// Label sets of the recorded series, as the level in their names says.
const (
	ofModel   = "job, instance, model_name"
	ofReplica = ofModel + ", stage, replica"
	ofEdge    = ofModel + ", from_stage, from_replica, to_stage, to_replica"
)

// unified are counts of ten minutes rather than rates: an alert asks for a
// number of events before it believes a share of them.
var unified = []record{
	{"model:omni_requests_ended:increase10m", ofModel + ", finished_reason", []string{"increase(vllm:omni_requests_success_total[10m])"}},
	{"model:omni_e2e_requests:increase10m", ofModel, []string{"increase(vllm:omni_e2e_request_latency_s_count[10m])"}},
	{"model:omni_e2e_seconds:increase10m", ofModel, []string{"increase(vllm:omni_e2e_request_latency_s_sum[10m])"}},
	{"replica:omni_audio_replies:increase10m", ofReplica, []string{"increase(vllm:omni_audio_duration_s_count[10m])"}},
	{"replica:omni_audio_streams:increase10m", ofReplica, []string{"increase(vllm:omni_audio_underrun_s_count[10m])"}},
	{"replica:omni_audio_first_packets:increase10m", ofReplica, []string{"increase(vllm:omni_audio_ttfp_s_count[10m])"}},
	{"replica:omni_audio_frames:increase10m", ofReplica, []string{"increase(vllm:omni_audio_frames_total[10m])"}},
	{"replica:omni_audio_rtf:increase10m", ofReplica, []string{"increase(vllm:omni_audio_rtf_count[10m])"}},
	{"replica:omni_audio_skipped:increase10m", ofReplica + ", reason", []string{"increase(vllm:omni_audio_skipped_requests_total[10m])"}},
	{"replica:limelight_audio_silent:increase10m", ofReplica, []string{"increase(limelight_audio_silent_requests_total[10m])"}},
	{"replica:limelight_hops:increase10m", ofReplica, []string{`increase(limelight_stage_part_seconds_count{part="hop"}[10m])`}},
	{"replica:limelight_hop_seconds:increase10m", ofReplica, []string{`increase(limelight_stage_part_seconds_sum{part="hop"}[10m])`}},
	{"edge:omni_transfers:increase10m", ofEdge, []string{"increase(vllm:omni_transfer_size_bytes_count[10m])"}},
}

// records unify what both prefixes have.
func (b *builder) records() []Rule {
	var rules []Rule
	for _, r := range unified {
		rules = append(rules, Rule{Record: r.name, Expr: sumBy(r.by, r.of...)})
	}
	part := func(name string) string {
		return sumBy(ofEdge, fmt.Sprintf("increase(vllm:omni_transfer_%s_s_sum[10m])", name))
	}
	streams := sumBy(ofReplica, "increase(vllm:omni_audio_underrun_s_count[10m])")
	inTime := sumBy(ofReplica, `increase(vllm:omni_audio_underrun_s_bucket{le="0.1"}[10m])`)
	return append(rules, Rule{
		// Both sides are read at one instant, as an objective's are.
		Record: "replica:omni_audio_gaps:increase10m",
		Expr:   "clamp_min(\n" + streams + "\n- " + inTime + ",\n0)",
	}, Rule{
		Record: "edge:omni_transfer_seconds:increase10m",
		Expr:   part("tx") + "\n+ " + part("in_flight") + "\n+ " + part("rx"),
	})
}
