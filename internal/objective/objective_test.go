package objective

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the deployed objectives")

func TestDefaultsAreDeployed(t *testing.T) {
	const file = "../../deploy/prometheus/objectives.yml"
	if *update {
		if err := os.WriteFile(file, defaults, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, defaults) {
		t.Errorf("%s is not internal/objective/objectives.yml; go generate ./internal/objective copies it", file)
	}
}

func TestDefaultsAreWhatTheListenerIsPromised(t *testing.T) {
	s := Default()
	if s.Window != 30*24*time.Hour || s.MinBadEvents != 5 {
		t.Errorf("window %v, min_bad_events %d", s.Window, s.MinBadEvents)
	}
	type promise struct {
		name, family      string
		threshold, target float64
	}
	var have []promise
	for _, o := range s.Objectives {
		have = append(have, promise{o.Name, o.Family.Name, o.Threshold, o.Target})
	}
	want := []promise{
		{"ttfp", "vllm:omni_audio_ttfp_s", 1, 0.95},
		{"rtf", "vllm:omni_audio_rtf", 1, 0.99},
		{"continuity", "vllm:omni_audio_underrun_s", 0.1, 0.995},
		{"availability", Availability, 0, 0.999},
		{"e2e", "vllm:omni_e2e_request_latency_s", 30, 0.99},
	}
	if d := cmp.Diff(want, have, cmp.AllowUnexported(promise{})); d != "" {
		t.Error(d)
	}
}

func TestSeveralObjectivesOfOneFamilyAndOnesOfAStageAlone(t *testing.T) {
	s, err := Load("testdata/valid.yml")
	if err != nil {
		t.Fatal(err)
	}
	if of := s.Of("vllm:omni_audio_ttfp_s"); len(of) != 2 || of[0].Threshold != 0.5 || of[1].Target != 0.999 {
		t.Errorf("of first packets: %+v", of)
	}
	if of := s.Of("vllm:omni_audio_rtf"); of != nil {
		t.Errorf("a file replaces the defaults, but there is %+v", of)
	}
	if of := s.Of("vllm:time_to_first_token_seconds"); len(of) != 1 || of[0].Labels["stage"] != "0" {
		t.Errorf("of the thinker: %+v", of)
	}
	if s.Window != 7*24*time.Hour {
		t.Errorf("window %v", s.Window)
	}
}

func TestWrongFilesAreRefusedWithLineKeyAndWhatWasMeant(t *testing.T) {
	want := map[string]string{
		"invalid-keys.yml": `
invalid-keys.yml:1: windw: unknown key; did you mean window?
invalid-keys.yml:4: objectives[0].famly: unknown key; did you mean family?
invalid-keys.yml:5: objectives[0].treshold: unknown key; did you mean threshold?
invalid-keys.yml:8: objectives[1].name: given twice, first in line 7
invalid-keys.yml:9: objectives[1].goal: unknown key; the keys here are name, family, threshold, target, labels`,
		"invalid-values.yml": `
invalid-values.yml:1: window: must be whole days from 1d to 90d, as 30d, got "30h"
invalid-values.yml:2: min_bad_events: must be a whole number from 1 to 1000000, got "0"
invalid-values.yml:4: objectives[0].name: must be small letters, digits and underscores, a letter first, 40 at most, got "First Sound"
invalid-values.yml:7: objectives[0].target: must be a share from 0.5 to 0.99999, as 0.95, got "95"
invalid-values.yml:6: objectives[0].threshold: must be one of the bucket bounds of vllm:omni_audio_ttfp_s, in seconds: 0.05 0.1 0.25 0.5 1 2 5 10 20 30 60 120 300; got "0.9"
invalid-values.yml:9: objectives[1].family: "vllm_omni:audio_rtf" is no family of docs/metrics.md; did you mean vllm:omni_audio_rtf?
invalid-values.yml:13: objectives[2].family: vllm:omni_audio_continuity_ok_total is a counter: an objective is measured by a histogram or by vllm:omni_requests_success_total; the underrun's threshold of 0.1 is the same as threshold_ms="100"
invalid-values.yml:16: objectives[3].family: the buckets of vllm:request_prompt_tokens depend on the model, so no threshold is always one of its bounds
invalid-values.yml:21: objectives[4].threshold: vllm:omni_requests_success_total has none: a request ends well or as an error
invalid-values.yml:25: objectives[5].threshold: missing; the bucket bounds of vllm:omni_e2e_request_latency_s are 0.05 0.1 0.25 0.5 1 2 5 10 20 30 60 120 300
invalid-values.yml:31: objectives[6].labels.part: must be one of hop, queue, work, got "hopp"
invalid-values.yml:31: objectives[6].labels.stag: unknown key; did you mean stage?
invalid-values.yml:32: objectives[7]: must be a section of keys and values, got "just text"`,
		"invalid-twice.yml": `
invalid-twice.yml:3: objectives[1].name: rtf is the name of the objective in line 2`,
		"invalid-none.yml": `
invalid-none.yml:1: objectives: missing: at least one objective is needed`,
		"invalid-empty.yml": `
invalid-empty.yml: holds no objective`,
		"invalid-syntax.yml": `
invalid-syntax.yml:2: found character that cannot start any token`,
	}
	files, err := filepath.Glob("testdata/invalid-*.yml")
	if err != nil || len(files) != len(want) {
		t.Errorf("%d files, %d expectations; %v", len(files), len(want), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(name, data)
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		if d := cmp.Diff(strings.TrimPrefix(want[name], "\n"), err.Error()); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

func TestFileThatIsNotThereIsNamed(t *testing.T) {
	if _, err := Load("testdata/nowhere.yml"); err == nil || !strings.Contains(err.Error(), "nowhere.yml") {
		t.Errorf("%v", err)
	}
}
