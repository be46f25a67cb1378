package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite the documentation")

func load(t *testing.T, file string) (*Config, error) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return Parse(file, data)
}

func TestWrongFilesAreRefusedWithLineKeyAndWhatWasMeant(t *testing.T) {
	want := map[string]string{
		"invalid-alias.yml": `
invalid-alias.yml:1: limits.max_queue: must be a whole number, got a section
invalid-alias.yml:4: stages.thinker.thinker: unknown key; the keys here are num_replicas, max_num_seqs, max_num_batched_tokens, kv_cache_memory_bytes, num_gpu_blocks_override, default_sampling_params`,
		"invalid-documents.yml": `
invalid-documents.yml:2: a second document begins here; the file is one document`,
		"invalid-key-elsewhere.yml": `
invalid-key-elsewhere.yml:1: port: unknown key; did you mean server.port?
invalid-key-elsewhere.yml:3: limits.max-queue: unknown key; did you mean max_queue?`,
		"invalid-key-of-stage.yml": `
invalid-key-of-stage.yml:3: stages.talker.replicas: unknown key; did you mean num_replicas?
invalid-key-of-stage.yml:5: stages.code2wav.default_sampling_params: unknown key; the keys here are num_replicas, max_num_seqs
invalid-key-of-stage.yml:7: stages.voice: unknown key; the keys here are thinker, talker, code2wav`,
		"invalid-key.yml": `
invalid-key.yml:2: limits.max_queu: unknown key; did you mean max_queue?
invalid-key.yml:3: max_num_seq: unknown key; did you mean max_num_seqs?`,
		"invalid-list.yml": `
invalid-list.yml:1: must be a section of keys and values, got a list`,
		"invalid-merge.yml": `
invalid-merge.yml:4: connectors.<<: unknown key; the keys here are thinker_to_talker, talker_to_code2wav`,
		"invalid-range.yml": `
invalid-range.yml:1: server.port: must be at most 65535, got 70000
invalid-range.yml:2: max_num_seqs: must be at least 1, got 0
invalid-range.yml:3: shutdown_timeout: must be at least 0s, got -1s
invalid-range.yml:6: stages.thinker.num_replicas: must be at least 1, got 0
invalid-range.yml:7: stages.thinker.default_sampling_params.temperature: must be at most 2, got 2.5
invalid-range.yml:7: stages.thinker.default_sampling_params.top_p: must be above 0, got 0
invalid-range.yml:7: stages.thinker.default_sampling_params.top_k: must be at least 0, got -1
invalid-range.yml:7: stages.thinker.default_sampling_params.max_tokens: must be at least 1, got 0`,
		"invalid-section.yml": `
invalid-section.yml:1: limits: must be a section of keys and values, got "12"
invalid-section.yml:2: stages: must be a section of keys and values, got a list
invalid-section.yml:4: connectors.talker_to_code2wav: must be a section of keys and values, got "fast"`,
		"invalid-secret.yml": `
invalid-secret.yml:2: server.api_key: must be printable text without spaces, or a list of such texts; quote what looks like a number`,
		"invalid-server.yml": `
invalid-server.yml:2: server.root_path: must begin with / and not end with it, as /omni, got "omni/"
invalid-server.yml:3: server.api_key: must be printable text without spaces, or a list of such texts; quote what looks like a number
invalid-server.yml:4: server.allowed_origins: must be an origin, as https://example.com, or *, got "example.com"
invalid-server.yml:6: server.uds: must be a string, got a list
invalid-server.yml:8: limits.max_body: must be a number of bytes, as 32MiB, got "5 MB"
invalid-server.yml:10: limits.max_header_bytes: must be from 4KiB to 1MiB, got 100B
invalid-server.yml:11: limits.write_timeout: must be at least 1ms, got 5ns
invalid-server.yml:13: metrics.prefix: must be one of vllm:omni_, vllm_omni:, got "omni_"
invalid-server.yml:14: metrics.addr: must be HOST:PORT, as 127.0.0.1:9090 or :9090, got "9090"`,
		"invalid-together.yml": `
invalid-together.yml:2: server.ssl_keyfile: needs server.ssl_certfile beside it
invalid-together.yml:5: limits.max_bodies: must be at least limits.max_body, which is 100MiB
invalid-together.yml:7: metrics.enable_mfu_metrics: needs metrics.log_stats, which is off
invalid-together.yml:8: metrics.kv_cache_metrics: needs metrics.log_stats, which is off
invalid-together.yml:12: stages.talker.max_num_batched_tokens: must be at least the 64 sequences that a replica of stage talker works for, each of which has a token a step`,
		"invalid-syntax.yml": `
invalid-syntax.yml:3: found unexpected end of stream`,
		"invalid-tab.yml": `
invalid-tab.yml:2: found character that cannot start any token`,
		"invalid-twice.yml": `
invalid-twice.yml:4: max_num_seqs: given twice, first in line 1`,
		"invalid-type.yml": `
invalid-type.yml:2: server.port: must be a whole number, got "many"
invalid-type.yml:3: server.host: must be a string, got the int 127
invalid-type.yml:5: metrics.log_stats: must be true or false, got "yes"
invalid-type.yml:6: shutdown_timeout: must be a duration with its unit, as 30s or 1m30s, got the int 30
invalid-type.yml:7: served_model_name: must be a name or a list of them, got the int 7
invalid-type.yml:8: max_num_seqs: must be a whole number, got a list
invalid-type.yml:9: max_model_len: must be a whole number, got nothing`,
		"invalid-utf8.yml": `
invalid-utf8.yml: invalid leading UTF-8 octet (value: 255)`,
	}
	files, err := filepath.Glob("testdata/invalid-*.yml")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d of them are expected, %v", len(files), len(want), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		_, err := load(t, name)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		if diff := cmp.Diff(strings.TrimSpace(want[name]), err.Error()); diff != "" {
			t.Errorf("%s (- want, + got):\n%s", name, diff)
		}
	}
}

func pointer[T any](v T) *T { return &v }

func TestFileSetsWhatItNamesAndLeavesTheRest(t *testing.T) {
	got, err := load(t, "valid.yml")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.ServedModelNames = []string{"omni", "omni-tiny"}
	want.MaxNumSeqs = 32
	want.AsyncChunk, want.Limits.StageTimeout = false, time.Minute
	want.ShutdownTimeout = 90 * time.Second
	want.Server.Host, want.Server.Port = "127.0.0.1", 0
	want.Server.APIKeys, want.Server.RootPath = []string{"one", "two"}, "/omni"
	want.Limits.MaxQueue, want.Limits.MaxBody, want.Limits.WriteTimeout = 16, 1<<20, 2*time.Minute
	want.Metrics.LogStats = true
	want.Stages[0].Sampling = Sampling{Temperature: pointer(0.4), TopK: pointer(1)}
	want.Stages[1].NumReplicas, want.Stages[1].MaxNumSeqs = 2, 8
	want.Connectors[0].Depth = 8
	want.Connectors[1].CodecChunkFrames = 16
	if diff := cmp.Diff(want, got, unexported); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}

var unexported = cmpopts.IgnoreUnexported(Config{}, Stage{}, Connector{})

func TestEmptyFileIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "limits:\n  # max_queue: 7\n"} {
		got, err := Parse("f.yml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(Default(), got, unexported); diff != "" {
			t.Errorf("%q: - want, + got:\n%s", text, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("a: &a [*a]\nstages: {thinker: &t {max_num_seqs: *t}}\n? [b]\n: c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yml", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.yml") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		var text strings.Builder
		if err := c.Write(&text); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("again.yml", []byte(text.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, text.String())
		}
		if diff := cmp.Diff(c, again, unexported, cmpopts.IgnoreFields(Server{}, "APIKeys")); diff != "" { // those are masked
			t.Errorf("written and read again:\n%s", diff)
		}
	})
}
