package config

import (
	"fmt"
	"strings"
	"time"
)

// ParseThresholds takes an item of Metrics.ContinuityThresholds apart, which is
// one duration or several with commas between them.
func ParseThresholds(s string) ([]time.Duration, error) {
	var all []time.Duration
	for item := range strings.SplitSeq(s, ",") {
		d, err := time.ParseDuration(strings.TrimSpace(item))
		if err != nil || d < time.Millisecond || d%time.Millisecond != 0 {
			return nil, fmt.Errorf("must be durations in whole milliseconds, as 50ms,250ms, got %q", clip(s))
		}
		all = append(all, d)
	}
	return all, nil
}

func thresholds(s string) error {
	_, err := ParseThresholds(s)
	return err
}
