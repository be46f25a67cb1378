package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlagsWeighMoreThanTheFile(t *testing.T) {
	c, err := Load(Sources{
		File:  "testdata/valid.yml",
		Model: "./dir",
		Flags: map[string][]string{
			"port": {"1", "9000"}, "served-model-name": {"one", "two"},
			"replicas":                {"thinker=3,code2wav=2"},
			"stage-overrides":         {`{"1":{"num_replicas":4,"default_sampling_params":{"top_p":0.5}},"code2wav":{"max_num_seqs":1}}`},
			"default-sampling-params": {`{"0":{"temperature":0,"top_k":null}}`},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Port != 9000 || c.Server.Host != "127.0.0.1" || c.Model != "./dir" {
		t.Errorf("%+v, model %s", c.Server, c.Model)
	}
	if c, err := Load(Sources{Flags: map[string][]string{"metrics-prefix": {"vllm_omni:"}, "ssl-keyfile": {"k"}}}); err == nil || err.Error() != "--ssl-keyfile: needs server.ssl_certfile beside it" {
		t.Errorf("%+v, %v", c, err)
	}
	if diff := cmp.Diff([]string{"one", "two"}, c.ServedModelNames); diff != "" {
		t.Error(diff)
	}
	want := []Stage{
		{Name: "thinker", NumReplicas: 3, Sampling: Sampling{Temperature: pointer(0.0)}},
		{Name: "talker", NumReplicas: 4, MaxNumSeqs: 8, Sampling: Sampling{TopP: pointer(0.5)}},
		{Name: "code2wav", NumReplicas: 2, MaxNumSeqs: 1},
	}
	if diff := cmp.Diff(want, c.Stages, unexported); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}

func TestShowIsTheFileAgainWithTheOrigins(t *testing.T) {
	c, err := Load(Sources{File: "testdata/valid.yml", Flags: map[string][]string{"max-queue": {"7"}}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"  port: 0 # testdata/valid.yml:8\n", "  max_queue: 7 # --max-queue\n", "served_model_name: [omni, omni-tiny] # testdata/valid.yml:2\n",
		"max_model_len: 0\n", "      top_p: null\n", "shutdown_timeout: 1m30s # testdata/valid.yml:5\n",
		"  api_key: ['********', '********'] # testdata/valid.yml:9\n", "  max_body: 1MiB # testdata/valid.yml:13\n", "  idle_timeout: 2m\n",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("no line %q in\n%s", line, b.String())
		}
	}
	again, err := Parse("shown", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	c.Server.APIKeys = []string{mask, mask}
	if diff := cmp.Diff(c, again, unexported); diff != "" {
		t.Errorf("read again:\n%s", diff)
	}
}

func TestKeysComeFromTheFlagThenTheEnvironmentThenTheFile(t *testing.T) {
	env := func(name string) (string, bool) { return "from-env", name == "VLLM_API_KEY" }
	for _, c := range []struct {
		sources Sources
		want    []string
	}{
		{Sources{}, nil},
		{Sources{File: "testdata/valid.yml"}, []string{"one", "two"}},
		{Sources{File: "testdata/valid.yml", Env: env}, []string{"from-env"}},
		{Sources{File: "testdata/valid.yml", Env: env, Flags: map[string][]string{"api-key": {"a", "b"}}}, []string{"a", "b"}},
	} {
		got, err := Load(c.sources)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got.Server.APIKeys); diff != "" {
			t.Errorf("%+v: %s", c.sources, diff)
		}
	}
	_, err := Load(Sources{Env: func(string) (string, bool) { return "my secret", true }})
	if err == nil || !strings.HasPrefix(err.Error(), "VLLM_API_KEY: ") || strings.Contains(err.Error(), "my secret") {
		t.Errorf("%v", err)
	}
}

func TestWrongFlagsAreNamed(t *testing.T) {
	for flag, c := range map[string]struct{ raw, want string }{
		"port":                    {"x", `--port: must be a whole number, got "x"`},
		"replicas":                {"voice=2", `--replicas: unknown stage "voice"; the stages are thinker, talker, code2wav`},
		"default-modalities":      {"audio", `--default-modalities: must be text or text,audio, got "audio"`},
		"max-queue":               {"0", `--max-queue: must be at least 1, got 0`},
		"stage-overrides":         {`{"1":{"replicas":2}}`, `--stage-overrides: stages.talker.replicas: unknown key; did you mean num_replicas?`},
		"default-sampling-params": {`{"2":{"top_k":2}}`, `--default-sampling-params: stage code2wav has no default_sampling_params`},
	} {
		_, err := Load(Sources{Flags: map[string][]string{flag: {c.raw}}})
		if err == nil || err.Error() != c.want {
			t.Errorf("--%s %s: %v", flag, c.raw, err)
		}
	}
	for raw, want := range map[string]string{"thinker": "must be stage=number", "thinker=0": "stage thinker: must be at least 1", "=1": `unknown stage ""`} {
		if _, err := Load(Sources{Flags: map[string][]string{"replicas": {raw}}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for raw, want := range map[string]string{"": "must be a JSON object", "[1]": "must be a JSON object", `{"9":{}}`: `unknown stage "9"`, "{": "did not find"} {
		if _, err := Load(Sources{Flags: map[string][]string{"stage-overrides": {raw}}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large.yml")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"testdata/none.yml": "no such file", "testdata": "is a directory", large: "larger than 1048576 bytes"} {
		if _, err := Load(Sources{File: file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
