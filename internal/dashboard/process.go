package dashboard

import (
	"bytes"
	"os"
	"strconv"

	"github.com/limelight-omni/limelight/metrics"
)

// process yields what this process uses. The metrics page has the same families,
// from a collector that reads a dozen files for others that nobody needs here.
func process(yield func(*metrics.Series) bool) bool {
	if cpu, ok := cpuSeconds(); ok && !yield(&metrics.Series{Family: "process_cpu_seconds_total", Kind: metrics.Counter, Value: cpu}) {
		return false
	}
	if memory, ok := residentBytes(); ok {
		return yield(&metrics.Series{Family: "process_resident_memory_bytes", Kind: metrics.Gauge, Value: memory})
	}
	return true
}

// residentBytes is the memory that the process has; false on systems that don't
// say so in a file.
func residentBytes() (float64, bool) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseFloat(string(fields[1]), 64)
	return pages * float64(os.Getpagesize()), err == nil
}
