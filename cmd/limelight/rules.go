package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/internal/rules"
)

// mostTimeScale makes a minute of production 6 ms; nothing is scraped faster.
const mostTimeScale = 10_000

func newRules() *cobra.Command {
	o := rules.Options{TimeScale: 1}
	var objectives, output string
	var kubernetes bool
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Print recording rules and alerts for a Prometheus that watches the server",
		Long: `Print recording rules and alerts for a Prometheus (2.42 or newer) or a vmalert
that watches Limelight or vLLM-Omni: burn rates of the objectives, and what else
goes wrong with stages, replicas, hops, sound and the metrics themselves.

deploy/prometheus/rules/limelight.yml is the output for the default objectives.
docs/objectives.md says how to declare one's own, docs/runbooks/ what to do.`,
		Example: `  limelight rules --objectives objectives.yml --output rules.yml
  limelight rules --job 'prod/.*' --kubernetes | kubectl apply -f -`,
		Args: func(_ *cobra.Command, args []string) error {
			if _, err := regexp.Compile(o.Job); err != nil {
				return fmt.Errorf("--job: %w", err)
			}
			switch {
			case len(args) > 0:
				return errors.New("rules takes no argument; --objectives FILE names a file")
			case o.TimeScale < 1 || o.TimeScale > mostTimeScale:
				return fmt.Errorf("--time-scale must be from 1 to %d", mostTimeScale)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if objectives != "" {
				set, err := objective.Load(objectives)
				if err != nil {
					return err
				}
				o.Objectives = set
			}
			var text bytes.Buffer
			write := (*rules.File).Write
			if kubernetes {
				write = (*rules.File).WriteKubernetes
			}
			if err := write(rules.Build(o), &text); err != nil {
				return err
			}
			if output != "" {
				if err := os.WriteFile(output, text.Bytes(), 0o644); err != nil {
					return fmt.Errorf("write the rules: %w", err)
				}
				return nil
			}
			_, err := cmd.OutOrStdout().Write(text.Bytes())
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&objectives, "objectives", "", "file of objectives; without it the defaults (deploy/prometheus/objectives.yml)")
	f.StringVarP(&output, "output", "o", "", "file to write; without it standard output")
	f.StringVar(&o.Job, "job", rules.DefaultJob, "regular expression of the scrape jobs whose targets are servers")
	f.StringVar(&o.Runbooks, "runbooks", rules.Runbooks, "address that the runbooks' file names are put behind")
	f.BoolVar(&kubernetes, "kubernetes", false, "print a PrometheusRule for the Prometheus operator")
	f.IntVar(&o.TimeScale, "time-scale", 1, "divide all windows by this, to see alerts fire soon")
	if err := f.MarkHidden("time-scale"); err != nil {
		panic("BUG: " + err.Error())
	}
	return cmd
}
