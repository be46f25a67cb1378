package play

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
)

// browser is the Chromium of all tests: nil, and why, where there is none.
var (
	browser   context.Context
	noBrowser string
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		ctx, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)...)
		defer stop()
		ctx, close := chromedp.NewContext(ctx)
		defer close()
		if err := chromedp.Do(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "%s does not start: %v\n", path, err)
			return 1
		}
		browser = ctx
		return m.Run()
	}
	noBrowser = "there is no Chromium on the PATH (Debian: apt-get install chromium): the page at /play is not tested"
	return m.Run()
}

// tab is a page of the browser, and what it did.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string // of the server

	mu       sync.Mutex
	requests []string
	problems []string // that the browser found in the page
}

// open serves the built-in model and opens a tab that watches what its page
// does. Nothing is loaded yet.
func open(t *testing.T, o server.Options) *tab {
	t.Helper()
	if browser == nil {
		t.Skip(noBrowser)
	}
	quiet, briefly, surely := slog.New(slog.DiscardHandler), 4, 0.0 // drawn words may be none, and then nothing is heard
	p, err := pipeline.New(pipeline.Options{
		LogStats: true, Log: quiet,
		Sampling: map[string]config.Sampling{"thinker": {MaxTokens: &briefly, Temperature: &surely}, "talker": {Temperature: &surely}}, // what is said is played, at its own speed
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Orchestrator, o.Model, o.Metrics, o.Log = p.Orchestrator, p.Frontend, p.Metrics, quiet
	web := httptest.NewServer(server.New(o).Handler())
	ctx, closeTab := chromedp.NewContext(browser)
	tb := &tab{t: t, ctx: ctx, url: web.URL}
	t.Cleanup(func() {
		closeTab()
		web.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	err = chromedp.Listen(ctx, func(event any) {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			tb.requests = append(tb.requests, e.Request.Method+" "+e.Request.URL)
		case *runtime.EventExceptionThrown:
			tb.problems = append(tb.problems, e.ExceptionDetails.Text+" "+e.ExceptionDetails.URL)
		case *log.EventEntryAdded:
			tb.problems = append(tb.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var cancel func()
	tb.ctx, cancel = context.WithTimeout(ctx, 4*time.Minute) // for a browser that hangs
	t.Cleanup(cancel)
	tb.do(
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
			return err
		}),
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
			return err
		}),
	)
	return tb
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	if err := chromedp.Do(tb.ctx, steps...); err != nil {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.t.Fatalf("%v; the browser says %q", err, tb.problems)
	}
}

// visit loads the page and waits until it has said what is served.
func (tb *tab) visit() {
	tb.t.Helper()
	tb.do(chromedp.Navigate(tb.url+"/play"), state("idle"))
}

// state waits until the page is in a state.
func state(name string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitReady(chromedp.CSS(`html[data-state="` + name + `"]`))
}

// write replaces the text to be said.
func write(text string) chromedp.Action[chromedp.Void] {
	return chromedp.SetValue(chromedp.ID("text"), text)
}

// empty empties a field.
func empty(id string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](`document.getElementById("` + id + `").value = ""`)
}

// press clicks the button that starts.
func press() chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.ID("go")) }

// text is what an element shows.
func (tb *tab) text(id string) string {
	tb.t.Helper()
	return evaluate[string](tb, `return document.getElementById("`+id+`").innerText`)
}

// evaluate runs an async function's body in the page and returns its result.
func evaluate[T any](tb *tab, body string) T {
	tb.t.Helper()
	result, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		tb.t.Fatalf("%s: %v", body, err)
	}
	return result
}

// clean checks that the page asked nobody but its server, and that the browser
// found nothing wrong with it, its own policy included.
func (tb *tab) clean(allowed ...string) {
	tb.t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, r := range tb.requests {
		if _, url, _ := strings.Cut(r, " "); !strings.HasPrefix(url, tb.url+"/") {
			tb.t.Errorf("the page sent %s", r)
		}
	}
	if len(tb.requests) == 0 {
		tb.t.Error("no request was seen")
	}
	for _, p := range tb.problems {
		known := false
		for _, a := range allowed {
			known = known || strings.Contains(p, a)
		}
		if !known {
			tb.t.Errorf("the browser says: %s", p)
		}
	}
}
