package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/bench"
)

// benchFlags are what `limelight bench` was asked for, in vllm bench's names.
type benchFlags struct {
	o           bench.Options
	report      bench.Report
	backend     string
	dataset     string
	path        string
	random      bench.RandomOptions
	rate        string
	modalities  []string
	extraBody   string
	metrics     string
	percentiles string
	goodput     []string
	noStream    bool
	ignoreEOS   bool
	save        bool
	dir         string
	file        string
	plot        string
	compare     bool
	metricsURL  string
	noProgress  bool
}

func newBench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Load a server and measure what its clients see and hear",
		Long: `Load a server of the OpenAI API and measure what its clients see and hear.

Arrival, first packet, underrun and continuity are defined as on Limelight's
metrics page; --compare-server holds the two against each other. With a finite
--request-rate latencies count from the intended start of each request, so that
a slow server can not hide the requests it held up (coordinated omission).`,
		Example: `  limelight bench --num-prompts 64 --max-concurrency 16
  limelight bench --request-rate 20 --duration 60s --ramp-up 10s --goodput audio_ttfp:500
  limelight bench --backend openai-audio-speech --num-prompts 100 --plot run.svg
  limelight bench --num-prompts 200 --max-concurrency 32 --compare-server`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return f.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.o.BaseURL, "base-url", "http://localhost:8000", "the server")
	flags.StringVar(&f.backend, "backend", string(bench.ChatOmni), "openai-chat-omni (text and audio), openai-chat (text) or openai-audio-speech")
	flags.StringVar(&f.o.Endpoint, "endpoint", "", "path of the API (default: the backend's)")
	flags.StringVar(&f.o.Model, "model", "", "model to ask for (default: the first that the server lists)")
	flags.StringVar(&f.o.APIKey, "api-key", os.Getenv("OPENAI_API_KEY"), "bearer token (default: OPENAI_API_KEY)")
	flags.Lookup("api-key").DefValue = ""
	flags.StringSliceVar(&f.modalities, "modalities", nil, "modalities to ask chat for (default: text,audio with openai-chat-omni)")
	flags.StringVar(&f.o.Voice, "voice", "", "voice to speak with (default: the model's)")
	flags.BoolVar(&f.noStream, "no-stream", false, "ask for whole replies; first token, first packet and continuity are not measured then")
	flags.StringVar(&f.extraBody, "extra-body", "", "JSON object of further members of each request")
	flags.BoolVar(&f.ignoreEOS, "ignore-eos", false, "go on to the output length, with servers that know ignore_eos")

	flags.StringVar(&f.dataset, "dataset-name", "random", "random, sharegpt or custom (JSON lines with prompt, input or messages)")
	flags.StringVar(&f.path, "dataset-path", "", "file of the sharegpt or custom dataset")
	flags.IntVar(&f.random.InputLen, "random-input-len", 16, "words of a random prompt")
	flags.IntVar(&f.random.OutputLen, "random-output-len", 0, "max_tokens of a random prompt (default: the server's)")
	flags.IntVar(&f.random.PrefixLen, "random-prefix-len", 0, "words that all random prompts begin with")
	flags.Float64Var(&f.random.RangeRatio, "random-range-ratio", 0, "let lengths vary by this share, 0 to 1")

	flags.IntVar(&f.o.NumPrompts, "num-prompts", 100, "number of requests")
	flags.DurationVar(&f.o.Duration, "duration", 0, "start requests for so long instead (a soak)")
	flags.IntVar(&f.o.MaxConcurrency, "max-concurrency", 0, "most requests under way at a time; alone it makes a closed loop (default: no bound)")
	flags.StringVar(&f.rate, "request-rate", "inf", "requests a second (an open loop), or inf for all at once")
	flags.Float64Var(&f.o.Burstiness, "burstiness", 1, "shape of the gaps: 1 is a Poisson process, less is burstier")
	flags.DurationVar(&f.o.RampUp, "ramp-up", 0, "let the rate, or a closed loop's concurrency, rise from 0 for so long")
	flags.IntVar(&f.o.Warmups, "num-warmups", 0, "requests before the measurement")
	flags.IntVar(&f.o.AbortEvery, "abort-every", 0, "let the client of every n-th request leave at its first audio")
	flags.Uint64Var(&f.o.Seed, "seed", 0, "seed of prompts and gaps")
	flags.DurationVar(&f.o.Timeout, "timeout", 10*time.Minute, "bound of one request")

	flags.StringVar(&f.metrics, "percentile-metrics", "", "metrics to show: "+strings.Join(bench.MetricNames(), ",")+" (default: all that occurred)")
	flags.StringVar(&f.percentiles, "metric-percentiles", "99", "percentiles to show, as 50,90,99")
	flags.StringSliceVar(&f.goodput, "goodput", nil, "bounds of a good request, as ttft:200,audio_ttfp:500 (milliseconds; audio_rtf a ratio, audio_underrun seconds)")
	flags.BoolVar(&f.save, "save-result", false, "write the result as JSON")
	flags.StringVar(&f.dir, "result-dir", ".", "directory of the JSON")
	flags.StringVar(&f.file, "result-filename", "", "name of the JSON (default: backend, rate, model and date)")
	flags.StringVar(&f.plot, "plot", "", "draw the run to this .svg or .png")
	flags.BoolVar(&f.compare, "compare-server", false, "scrape the server's metrics before and after, and fail when they disagree with the client's")
	flags.StringVar(&f.metricsURL, "metrics-url", "", "where to scrape (default: the server's /metrics)")
	flags.BoolVar(&f.noProgress, "disable-tqdm", false, "show no progress bar")
	return cmd
}

// complete turns the flags into options.
func (f *benchFlags) complete() error {
	var err error
	o := &f.o
	o.Backend, o.Modalities, o.Stream = bench.Backend(f.backend), f.modalities, !f.noStream
	if o.RequestRate = math.Inf(1); f.rate != "inf" {
		if o.RequestRate, err = strconv.ParseFloat(f.rate, 64); err != nil {
			return fmt.Errorf("request-rate %q: must be a number or inf", f.rate)
		}
	}
	if f.extraBody != "" {
		if err := json.Unmarshal([]byte(f.extraBody), &o.ExtraBody); err != nil {
			return fmt.Errorf("extra-body: must be a JSON object: %w", err)
		}
	}
	if f.ignoreEOS {
		if o.ExtraBody == nil {
			o.ExtraBody = map[string]any{}
		}
		o.ExtraBody["ignore_eos"] = true
	}
	if f.metrics != "" {
		f.report.Metrics = strings.Split(f.metrics, ",")
		for _, name := range f.report.Metrics {
			if !slices.Contains(bench.MetricNames(), name) {
				return fmt.Errorf("percentile-metrics: %q is no metric; the metrics are %s", name, strings.Join(bench.MetricNames(), ", "))
			}
		}
	}
	for _, text := range strings.Split(f.percentiles, ",") {
		p, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || p < 0 || p > 100 {
			return fmt.Errorf("metric-percentiles: %q is no percentile", text)
		}
		f.report.Percentiles = append(f.report.Percentiles, p)
	}
	for _, bound := range f.goodput {
		name, text, _ := strings.Cut(bound, ":")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("goodput: %q must be a metric and a number, as audio_ttfp:500", bound)
		}
		if o.Goodput == nil {
			o.Goodput = map[string]float64{}
		}
		o.Goodput[name] = value
	}
	o.Prompts, err = f.prompts()
	return err
}

func (f *benchFlags) prompts() ([]bench.Prompt, error) {
	if f.dataset == "random" {
		f.random.N, f.random.Seed = max(f.o.NumPrompts, 1), f.o.Seed
		return bench.Random(f.random), nil
	}
	read := map[string]func(io.Reader) ([]bench.Prompt, error){"sharegpt": bench.ShareGPT, "custom": bench.Custom}[f.dataset]
	if read == nil {
		return nil, fmt.Errorf("dataset-name %q: the datasets are random, sharegpt and custom", f.dataset)
	}
	if f.path == "" {
		return nil, fmt.Errorf("dataset-path: is required for %s", f.dataset)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("dataset-path: %w", err)
	}
	defer file.Close()
	return read(file)
}

func (f *benchFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	if err := f.complete(); err != nil {
		return err
	}
	page := f.metricsURL
	if page == "" {
		page = strings.TrimRight(f.o.BaseURL, "/") + "/metrics"
	}
	var before *bench.Snapshot
	if f.compare {
		f.o.Warmed = func(ctx context.Context) (err error) {
			before, err = bench.Rest(ctx, page)
			return err
		}
	}
	var bar *bench.Bar
	if !f.noProgress {
		bar = bench.NewBar(stderr, f.o.NumPrompts, f.o.Duration)
		f.o.Progress = bar
	}
	result, err := bench.Run(ctx, f.o)
	if bar != nil {
		bar.Finish()
	}
	if err != nil {
		return err
	}
	if err := result.WriteSummary(stdout, f.report); err != nil {
		return err
	}
	if f.save {
		if err := f.saveJSON(result, stderr); err != nil {
			return err
		}
	}
	if f.plot != "" {
		if err := result.WritePlot(f.plot); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "wrote %s\n", f.plot)
	}
	if !f.compare {
		return nil
	}
	after, err := bench.Settle(ctx, page, before, result)
	if err != nil {
		return err
	}
	comparison := result.Compare(before, after)
	if err := comparison.Write(stdout); err != nil {
		return err
	}
	if !comparison.OK() {
		return bench.ErrDisagree
	}
	return nil
}

func (f *benchFlags) saveJSON(r *bench.Result, stderr io.Writer) error {
	name := f.file
	if name == "" {
		model := strings.NewReplacer("/", "-", " ", "-").Replace(r.Options.Model)
		name = fmt.Sprintf("%s-%sqps-%s-%s.json", r.Options.Backend, f.rate, model, r.Began.UTC().Format("20060102-150405"))
	}
	path := filepath.Join(f.dir, name)
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("result-dir: %w", err)
	}
	if err := r.WriteJSON(file, f.report); err != nil {
		file.Close()
		return err
	}
	fmt.Fprintf(stderr, "wrote %s\n", path)
	return file.Close()
}
