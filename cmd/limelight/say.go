package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/test/bufconn"

	"github.com/limelight-omni/limelight/internal/audio"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/say"
	"github.com/limelight-omni/limelight/internal/server"
	"github.com/limelight-omni/limelight/metrics/continuity"
)

// maxText bounds what is read from standard input.
const maxText = 1 << 20

// sayFlags are what `limelight say` was asked for.
type sayFlags struct {
	out   string
	r     say.Request
	quiet bool
}

func newSay() *cobra.Command {
	var f sayFlags
	cmd := &cobra.Command{
		Use:   "say [TEXT]... -o FILE",
		Short: "Turn a text into a WAV file, and tell how it arrived",
		Long: `Turn a text into a WAV file, and tell how it arrived: each chunk against the
clock of a player that started with the first, the time to the first sound
(TTFP), the time it took over the time it plays (RTF), the worst gap (underrun,
as metrics/continuity defines it), and the level. Without TEXT it is read from
standard input. With --url a server is asked, and without it this process serves
itself, without a port.

FILE appears when the sound is complete and in no other case; - is standard
output, as the sound comes. The exit code is 0 for a sound that can be heard, 1
for one that is silent, empty or broken off, 2 for a wrong command line.`,
		Example: `  limelight say "the time is now" -o now.wav
  limelight say "the time is now" -o now.wav --url http://localhost:8000 --voice aiden
  echo "the time is now" | limelight say -o - | aplay`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case f.out == "":
				return errors.New("--output must say which file to write")
			case len(args) > 0 && strings.TrimSpace(strings.Join(args, "")) == "":
				return errors.New("the text is empty")
			case f.r.URL != "":
				if err := say.CheckURL(f.r.URL); err != nil {
					return fmt.Errorf("--url: %w", err)
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			f.r.Text = strings.Join(args, " ")
			if len(args) == 0 {
				var err error
				if f.r.Text, err = readText(cmd.InOrStdin()); err != nil {
					return fmt.Errorf("standard input: %w", err)
				}
			}
			return f.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.out, "output", "o", "", "WAV file to write; - is standard output")
	flags.StringVar(&f.r.URL, "url", "", "server to ask, as http://localhost:8000 (default: none, the model is loaded here)")
	flags.StringVar(&f.r.Voice, "voice", "", "voice to speak with (default: the model's)")
	flags.StringVar(&f.r.Model, "model", "", "model's name at the server; without --url its directory, as MODEL of limelight serve")
	flags.StringVar(&f.r.APIKey, "api-key", os.Getenv("VLLM_API_KEY"), "bearer token for the server (default: VLLM_API_KEY)")
	flags.Lookup("api-key").DefValue = ""
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no chunks, only the result")
	return cmd
}

// readText reads a text to say.
func readText(in io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxText+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > maxText:
		return "", fmt.Errorf("more than %d bytes of text", maxText)
	case strings.TrimSpace(string(text)) == "":
		return "", errors.New("there is no text to say")
	}
	return string(text), nil
}

// run says the text. What is told goes to stdout, unless the sound does.
func (f *sayFlags) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	told := stdout
	var file *audio.WAVFile
	if f.out == "-" {
		told, file = stderr, audio.StreamWAV(stdout)
	} else if file, err = audio.CreateWAV(f.out); err != nil {
		return err
	}
	report, err := f.hear(ctx, file, stderr)
	if err != nil {
		return errors.Join(err, file.Discard())
	}
	if err := file.Commit(); err != nil {
		return err
	}
	if report.Sound > 0 {
		f.tell(told, report)
	}
	return report.Audible()
}

// hear asks the server, or a pipeline of this process's own.
func (f *sayFlags) hear(ctx context.Context, file *audio.WAVFile, stderr io.Writer) (*say.Report, error) {
	heard := func(c say.Chunk) {
		gap := ""
		if c.Late > 0 {
			gap = fmt.Sprintf("  %v late", c.Late.Round(time.Millisecond))
		}
		fmt.Fprintf(stderr, "%8.3f s  +%.2f s%s\n", c.At.Seconds(), c.Sound.Seconds(), gap)
	}
	if f.quiet {
		heard = nil
	}
	r := f.r
	if r.URL != "" {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		defer transport.CloseIdleConnections()
		r.Client = &http.Client{Transport: transport}
		return say.Say(ctx, r, file, heard)
	}
	home, err := serveItself(r.Model)
	if err != nil {
		return nil, err
	}
	r.URL, r.Model, r.APIKey, r.Client = "http://itself", "", "", home.client
	report, err := say.Say(ctx, r, file, heard)
	return report, errors.Join(err, home.close())
}

// tell prints the result.
func (f *sayFlags) tell(w io.Writer, r *say.Report) {
	verdict := "no gap to be heard"
	if !r.Continuous {
		verdict = fmt.Sprintf("more than the %v that go unnoticed", continuity.DefaultThreshold)
	}
	fmt.Fprintf(w, "%s: %.2f s at %d Hz, peak %.1f dBFS, RMS %.1f dBFS\n", f.out, r.Sound.Seconds(), r.Rate, audio.Decibels(r.Peak), audio.Decibels(r.RMS))
	fmt.Fprintf(w, "TTFP %.3f s, %d chunks, RTF %.3f, underrun %.3f s in %d late chunks: %s\n", r.TTFP.Seconds(), r.Chunks, r.RTF(), r.Underrun.Seconds(), r.LateChunks, verdict)
}

// itself is a server of this process that only this process reaches.
type itself struct {
	client *http.Client
	close  func() error
}

// serveItself loads a model, the built-in one without a name, and serves it
// over connections in memory.
func serveItself(model string) (*itself, error) {
	quiet := slog.New(slog.DiscardHandler)
	p, err := pipeline.New(pipeline.Options{Model: model, Log: quiet})
	if err != nil {
		return nil, err
	}
	srv := server.New(server.Options{Orchestrator: p.Orchestrator, Model: p.Frontend, Metrics: p.Metrics, Log: quiet})
	listener := bufconn.Listen(256 << 10)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return listener.DialContext(ctx) }}
	return &itself{
		client: &http.Client{Transport: transport},
		close: func() error {
			transport.CloseIdleConnections()
			return errors.Join(srv.Close(), <-served, p.Close())
		},
	}, nil
}
