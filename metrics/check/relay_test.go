package check

import (
	"strings"
	"testing"
)

// behindRelay is the page of use as if replica 1 of stage 2 were a server
// elsewhere, with an engine's page of its own that was taken over.
func behindRelay(t *testing.T) string {
	t.Helper()
	page := used(t)
	add := func(family, samples string) {
		line := "# TYPE " + family
		at := strings.Index(page, line)
		if at < 0 {
			t.Fatalf("the page does not name %s", family)
		}
		at += strings.Index(page[at:], "\n") + 1
		page = page[:at] + samples + page[at:]
	}
	const replica = `{model_name="m",replica="1",stage="2"`
	add("limelight_engine_metrics_source_info", "limelight_engine_metrics_source_info"+replica+`,source="engine"} 1`+"\n")
	add("limelight_stage_retries_total", "limelight_stage_retries_total"+replica+"} 0\n")
	add("limelight_replica_ejections_total", "limelight_replica_ejections_total"+replica+"} 0\n")
	add("vllm:num_requests_running", "vllm:num_requests_running"+replica+`,engine="7"} 3`+"\n")
	return page
}

func TestOmniFamiliesOfAReplicaElsewhereAreThisServersOwn(t *testing.T) {
	page := behindRelay(t)
	for _, c := range []struct{ name, page string }{
		{"vllm:omni_", page},
		{"vllm_omni:", strings.ReplaceAll(page, "vllm:omni_", "vllm_omni:")},
	} {
		got := findings(t, c.page, Options{})
		if strings.Contains(got, "omni_") {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	spoilt := strings.Replace(page, `vllm:omni_audio_frames_total{model_name="m",replica="1",stage="2"} 48000`, `vllm:omni_audio_frames_total{model_name="m",replica="1",stage="2"} 48001.5`, 1)
	if got := findings(t, spoilt, Options{}); !strings.Contains(got, "vllm:omni_audio_frames_total") {
		t.Errorf("frames that are no whole number: %q", got)
	}
}

func TestServersBehindARelayAreAskedForSpeechByThemselves(t *testing.T) {
	without := func(page string) string {
		var b strings.Builder
		for line := range strings.Lines(page) {
			if !strings.Contains(line, `to_stage="2"`) {
				b.WriteString(line)
			}
		}
		return b.String()
	}
	if got := findings(t, without(used(t)), Options{}); !strings.Contains(got, "hops to the replica") {
		t.Errorf("an embedded replica without hops: %q, want a finding", got)
	}
	if got := findings(t, without(behindRelay(t)), Options{}); strings.Contains(got, "hops to the replica") {
		t.Error(got)
	}
}
