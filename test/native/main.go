// Command native holds native histograms as real Prometheus servers store them
// against the classic ones:
//
//	go run . -server URL -both NAME=URL,... -native NAME=URL,... -classic NAME=URL,...
//
// The server is a limelight serve --native-histograms --log-stats, which the
// Prometheus servers scrape: for both forms of a histogram, for the native one in
// place of the classic, or for the classic form alone. It is asked for replies of
// all kinds, and what each Prometheus then has of it is compared family by family.
// The script beside it, run, starts them all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/metrics"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// forms are those that a Prometheus stores of a histogram which has both.
type forms struct{ native, classic bool }

// run returns the exit code: 1 when the forms disagree or cannot be had, 2 for
// a wrong command line.
func run(args []string) int {
	flags := flag.NewFlagSet("native", flag.ContinueOnError)
	server := flags.String("server", "", "URL of the limelight server")
	stores := []struct {
		forms
		list *string
	}{
		{forms{true, true}, flags.String("both", "", "NAME=URL of Prometheus servers that store both forms")},
		{forms{true, false}, flags.String("native", "", "NAME=URL of those that store the native form where there is one")},
		{forms{false, true}, flags.String("classic", "", "NAME=URL of those that store the classic form alone")},
	}
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || *server == "" {
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ids, err := load(ctx, *server)
	if err != nil {
		fmt.Fprintln(os.Stderr, "native:", err)
		return 1
	}
	fmt.Printf("%d requests answered\n", len(ids))
	code, seen := 0, map[string][2]float64{}
	for _, stored := range stores {
		for entry := range strings.SplitSeq(*stored.list, ",") {
			name, url, ok := strings.Cut(entry, "=")
			if !ok {
				continue
			}
			report, err := compare(ctx, url, stored.forms, ids, seen)
			if err != nil {
				fmt.Fprintf(os.Stderr, "native: %s: %v\n", name, err)
				code = 1
			}
			fmt.Printf("%s: %s\n", name, report)
		}
	}
	return code
}

// compare looks at all that one Prometheus has of the server, and at what those
// before it have.
func compare(ctx context.Context, url string, stored forms, ids []string, seen map[string][2]float64) (report string, err error) {
	s, err := newStore(ctx, url, len(ids), seen)
	if err != nil {
		return "", err
	}
	var all []error
	for _, f := range metrics.Families() {
		if f.Kind != metrics.Histogram || slices.Contains(f.Needs, metrics.NeedPages) || slices.Contains(f.Needs, metrics.NeedKV) {
			continue
		}
		want := forms{stored.native && f.Native(), stored.classic || !f.Native()}
		if err := s.family(ctx, f.Name, want); err != nil {
			all = append(all, fmt.Errorf("%s: %w", f.Name, err))
		}
	}
	for _, name := range []string{"vllm:omni_e2e_request_latency_s", "vllm:omni_audio_ttfp_s"} {
		if !stored.native { // where exemplars are stored
			break
		}
		if err := s.exemplars(ctx, name, stored, ids); err != nil {
			all = append(all, fmt.Errorf("exemplars: %w", err))
		}
	}
	return fmt.Sprintf("%d classic histograms, %d native ones with %d buckets, %d quantiles in the same buckets, %d exemplars",
		s.classic, s.native, s.buckets, s.quantiles, s.exemplified), errors.Join(all...)
}
