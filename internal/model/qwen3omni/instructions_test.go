package qwen3omni

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// The golden tests, once for each lesser instruction set: this binary again, with
// features of the processor hidden.
func TestReferenceNumbersHoldInEveryInstructionSet(t *testing.T) {
	const named = "SIMD_OF_THIS_RUN"
	if want := os.Getenv(named); want != "" {
		if got := tensor.SIMD(); got != want {
			t.Errorf("the kernels are %s, want %s", got, want)
		}
		return
	}
	lesser := map[string][]string{"AVX-512": {"AVX2", "plain"}, "AVX2": {"plain"}}[tensor.SIMD()]
	for _, set := range lesser {
		hidden := "cpu.avx2=off"
		if set == "AVX2" {
			hidden = "cpu.avx512f=off"
		}
		run := exec.Command(os.Args[0], "-test.run=(Golden|Reference)", "-test.v")
		run.Env = append(os.Environ(), "GODEBUG="+hidden, named+"="+set)
		out, err := run.CombinedOutput()
		if passed := strings.Count(string(out), "--- PASS"); err != nil || passed < 7 {
			t.Errorf("%s: %d tests passed, %v\n%s", set, passed, err, out)
		}
	}
}
