// Package browser opens pages of a server in a headless Chromium and watches
// what they do, for tests.
package browser

import (
	"context"
	"fmt"
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
)

// The Chromium of all tests of a binary: nil, and why, where there is none.
var (
	browser   context.Context
	noBrowser string
)

// Main runs a package's tests with a browser, if there is one.
func Main(m *testing.M) int {
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
	noBrowser = "there is no Chromium on the PATH (Debian: apt-get install chromium): the pages are not tested"
	return m.Run()
}

// Need skips the test where there is no browser.
func Need(t *testing.T) {
	t.Helper()
	if browser == nil {
		t.Skip(noBrowser)
	}
}

// Tab is a page of the browser, and what it did.
type Tab struct {
	T   *testing.T
	Ctx context.Context
	URL string // of the server

	mu       sync.Mutex
	requests []string
	problems []string // that the browser found in the page
}

// Open opens a tab that watches what its page does. Nothing is loaded yet.
func Open(t *testing.T, url string) *Tab {
	t.Helper()
	Need(t)
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(func() { closeTab() })
	tb := &Tab{T: t, URL: url}
	err := chromedp.Listen(ctx, func(event any) {
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
	tb.Ctx, cancel = context.WithTimeout(ctx, 2*time.Minute) // for a browser that hangs
	t.Cleanup(cancel)
	tb.Do(
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

// Do takes steps, all of which must succeed.
func (tb *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	tb.T.Helper()
	if err := chromedp.Do(tb.Ctx, steps...); err != nil {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.T.Fatalf("%v; the browser says %q", err, tb.problems)
	}
}

// State waits until the page says that it is in a state.
func State(name string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitReady(chromedp.CSS(`html[data-state="` + name + `"]`))
}

// Text is what an element shows.
func (tb *Tab) Text(id string) string {
	tb.T.Helper()
	return Evaluate[string](tb, `return document.getElementById("`+id+`").innerText`)
}

// Evaluate runs an async function's body in the page and returns its result.
func Evaluate[T any](tb *Tab, body string) T {
	tb.T.Helper()
	result, err := chromedp.Run(tb.Ctx, chromedp.Evaluate[T]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		tb.T.Fatalf("%s: %v", body, err)
	}
	return result
}

// Clean checks that the page asked nobody but its server, and that the browser
// found nothing wrong with it, its own policy included, but for what is allowed.
func (tb *Tab) Clean(allowed ...string) {
	tb.T.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, r := range tb.requests {
		if _, url, _ := strings.Cut(r, " "); !strings.HasPrefix(url, tb.URL+"/") {
			tb.T.Errorf("the page sent %s", r)
		}
	}
	if len(tb.requests) == 0 {
		tb.T.Error("no request was seen")
	}
	for _, p := range tb.problems {
		known := false
		for _, a := range allowed {
			known = known || strings.Contains(p, a)
		}
		if !known {
			tb.T.Errorf("the browser says: %s", p)
		}
	}
}
