package play

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/limelight-omni/limelight/internal/config"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
	"github.com/limelight-omni/limelight/test/browser"
)

func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }

// tab is a page of the browser, and what it did.
type tab struct{ *browser.Tab }

// open serves the built-in model and opens a tab that watches what its page
// does. Nothing is loaded yet.
func open(t *testing.T, o server.Options) *tab {
	t.Helper()
	browser.Need(t)
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
	t.Cleanup(func() {
		web.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return &tab{browser.Open(t, web.URL)}
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.T.Helper()
	tb.Do(steps...)
}

// visit loads the page and waits until it has said what is served.
func (tb *tab) visit() {
	tb.T.Helper()
	tb.Do(chromedp.Navigate(tb.URL+"/play"), state("idle"))
}

// state waits until the page is in a state.
func state(name string) chromedp.Action[chromedp.Void] { return browser.State(name) }

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

// evaluate runs an async function's body in the page and returns its result.
func evaluate[T any](tb *tab, body string) T {
	tb.T.Helper()
	return browser.Evaluate[T](tb.Tab, body)
}
