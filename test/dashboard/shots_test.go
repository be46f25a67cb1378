package dashboard

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/internal/server"
	"github.com/limelight-omni/limelight/test/browser"
)

var (
	shots   = flag.String("shots", "", "directory to put pictures of the page in, as docs/ has them")
	shotFor = flag.Duration("shots-after", 40*time.Second, "how long there is load before")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(browser.Main(m))
}

// TestPictures takes the pictures that docs/ has, when it is asked to.
func TestPictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken for docs/ only, with -shots DIRECTORY")
	}
	w := serve(t, server.Options{Objectives: objective.Default().Objectives, LookEvery: 2 * time.Second}, 420*time.Millisecond)
	ctx, stop := context.WithCancel(t.Context())
	load := w.streams(ctx, 3, 48)
	defer func() { stop(); load.Wait() }()
	for i := range 4 {
		_, _ = w.chat(ctx, []string{"spoil-4f1c", "spoil-77ab", "spoil-c09e", "spoil-d3d1"}[i], 96)
		w.leave([]string{"gone-1", "gone-2", "gone-3", "gone-4"}[i])
		time.Sleep(*shotFor / 5)
	}
	time.Sleep(*shotFor / 5)
	for _, c := range []struct {
		name, scheme  string
		width, height int
	}{{"dashboard", "light", 1280, 1180}, {"dashboard-dark", "dark", 1280, 1180}, {"dashboard-phone", "dark", 375, 812}} {
		tb := browser.Open(t, w.url)
		size := []chromedp.EmulateViewportOption{}
		if c.width < 500 {
			size = append(size, chromedp.EmulateMobile)
		}
		tb.Do(chromedp.EmulateViewport(int64(c.width), int64(c.height), size...))
		if _, err := chromedp.Call(tb.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: c.scheme}}}); err != nil {
			t.Fatal(err)
		}
		tb.Do(chromedp.Navigate(w.url+"/dashboard"), browser.State("drawn"))
		time.Sleep(3 * time.Second)
		high := browser.Evaluate[float64](tb, `return document.documentElement.scrollHeight`)
		for part, clip := range map[string]*page.Viewport{"": nil, "-whole": {Width: float64(c.width), Height: high, Scale: 1}} {
			beyond := clip != nil
			r, err := chromedp.Call(tb.Ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &beyond, Clip: clip})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(*shots, c.name+part+".png"), r.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		tb.Clean()
	}
}
