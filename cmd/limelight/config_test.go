package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/config"
)

func TestConfigCheckOfAGoodFileIsExit0(t *testing.T) {
	var stdout bytes.Buffer
	if code := run(t.Context(), []string{"config", "check", "testdata/right.yml"}, &stdout, io.Discard); code != 0 || stdout.String() != "testdata/right.yml is well\n" {
		t.Errorf("exit code %d, %q", code, stdout.String())
	}
}

func TestConfigShowIsWhatServeWouldUse(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := []string{"config", "show", "./model", "--config", "testdata/right.yml", "--max_num_seqs", "3", "--log-stats", "--omni", "--served-model-name", "a", "--served-model-name", "b"}
	if code := run(t.Context(), args, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d, %s", code, stderr.String())
	}
	for _, line := range []string{
		"model: ./model # MODEL\n", "max_num_seqs: 3 # --max-num-seqs\n", "  port: 0 # testdata/right.yml:2\n",
		"  log_stats: true # --log-stats\n", "served_model_name: [a, b] # --served-model-name\n", "  max_queue: 1024\n",
	} {
		if !strings.Contains(stdout.String(), line) {
			t.Errorf("no line %q in\n%s", line, stdout.String())
		}
	}
}

func TestHintsNameNoFlagThatExists(t *testing.T) {
	for _, o := range config.Default().Options() {
		for _, flag := range []string{o.Flag, o.Negation} {
			if _, hinted := vllmFlags[flag]; hinted && flag != "" {
				t.Errorf("--%s exists and has a hint as if it did not", flag)
			}
		}
	}
}
