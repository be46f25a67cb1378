// Package dashboard opens the page at /dashboard in a real browser, without a
// screen.
package dashboard

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
	"github.com/limelight-omni/limelight/test/browser"
)

// until waits until an expression is true in the page.
func until(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(0)) // the tab has a bound
}

// press presses a key.
func press(key string) chromedp.Action[chromedp.Void] { return chromedp.KeyEvent(key) }

// tabTo presses Tab until the element that has the focus is in what a selector
// names, and fails after too many.
func tabTo(tb *browser.Tab, selector string) {
	tb.T.Helper()
	for range 60 {
		tb.Do(press(kb.Tab))
		if browser.Evaluate[bool](tb, `return document.activeElement.closest("`+selector+`") !== null`) {
			return
		}
	}
	tb.T.Fatalf("the Tab key does not lead to %s", selector)
}

// colours makes the page light or dark as the system would.
func colours(tb *browser.Tab, scheme string) {
	tb.T.Helper()
	_, err := chromedp.Call(tb.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		tb.T.Fatal(err)
	}
}

func TestPageShowsAPipelineUnder64Streams(t *testing.T) {
	w := serve(t, server.Options{Objectives: objective.Default().Objectives}, time.Second)
	ctx, stop := context.WithCancel(t.Context())
	load := w.streams(ctx, 64, 6)
	defer load.Wait()
	defer stop()
	for text := ""; !strings.Contains(text, "error"); {
		var err error
		if text, err = w.chat(t.Context(), "spoil-it", 48); err != nil {
			t.Fatal(err)
		}
	}
	w.leave("gone")

	tb := browser.Open(t, w.url)
	colours(tb, "light")
	tb.Do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(w.url+"/dashboard"), browser.State("drawn"))
	tb.Do(
		until(`[...document.querySelectorAll("#totals div")].some((d) => d.firstChild.textContent === "running" && +d.lastChild.textContent >= 40)`),
		until(`document.querySelectorAll("#picture .node:not(.idle)").length === 5`),
		until(`document.querySelectorAll("#picture .edge:not(.idle)").length >= 5`),
		until(`document.querySelectorAll("#picture .label").length >= 3`),
		until(`document.querySelectorAll("#charts figure canvas").length >= 10`),
		until(`document.querySelectorAll(".goal:not(.idle)").length === 5`),
		until(`document.querySelectorAll("#list tr.request .bars i").length > 5`),
		// Which of the two is up to the machine: how long all the rest takes.
		until(`/^hop 1.0 → 2.1: (bad|tight), /m.test([...document.querySelectorAll("#picture .edge")].map((e) => e.getAttribute("aria-label")).join("\n"))`),
	)
	hops := browser.Evaluate[string](tb, `return [...document.querySelectorAll("#picture .edge")].map((e) => e.getAttribute("aria-label")).join("\n")`)
	for _, name := range []string{"0/0 → 1/0", "0/0 → 1/1", "1/0 → 2/0", "1/0 → 2/1", "1/1 → 2/0", "1/1 → 2/1"} {
		if !strings.Contains(hops, "hop "+name) {
			t.Errorf("no hop %s among\n%s", name, hops)
		}
	}
	if text := tb.Text("headline-text"); text == "" || strings.HasPrefix(text, "Nothing to do") {
		t.Errorf("headline %q", text)
	}
	// A chart is drawn when its canvas has more than the grid: pixels in
	// colours, which are not grey. A busy machine has few ends to draw at first.
	for _, chart := range []string{"ends", "inside", "ttfp", "e2e", "rtf", "parts", "tokens", "hops", "load"} {
		tb.Do(until(`(() => {
			const canvas = document.querySelector("#chart-` + chart + ` canvas");
			if (!canvas || !canvas.width) return false;
			const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
			let coloured = 0;
			for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 99 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) coloured++;
			return coloured > 40;
		})()`))
	}

	byKeyboard(t, tb)

	light := browser.Evaluate[string](tb, `const s = getComputedStyle(document.body); return s.backgroundColor + " " + s.color`)
	colours(tb, "dark")
	dark := browser.Evaluate[string](tb, `const s = getComputedStyle(document.body); return s.backgroundColor + " " + s.color`)
	// The page moves while it is live, so that a pointer may miss.
	tb.Do(chromedp.Evaluate[chromedp.Void](`document.getElementById("theme").click()`), until(`document.documentElement.dataset.theme === "light"`))
	chosen := browser.Evaluate[string](tb, `const s = getComputedStyle(document.body); return s.backgroundColor + " " + s.color`)
	if light == dark || chosen != light {
		t.Errorf("light %s, dark %s, chosen %s", light, dark, chosen)
	}

	tb.Do(chromedp.EmulateViewport(375, 812, chromedp.EmulateMobile), until(`document.querySelector("#picture").clientWidth < 375 && +document.querySelector("#picture").getAttribute("viewBox").split(" ")[2] < 375`))
	wide := browser.Evaluate[[]string](tb, `const wide = [...document.querySelectorAll("body *")].filter((e) => !e.closest(".scroll, #picture") && e.getBoundingClientRect().right > 375.5).map((e) => e.tagName + "#" + e.id + "." + e.className);
		return document.documentElement.scrollWidth > 375 ? ["the page is " + document.documentElement.scrollWidth + " wide", ...wide] : []`)
	if len(wide) > 0 {
		t.Errorf("on a phone: %v", wide)
	}
	tb.Clean("getImageData") // which is the test's own
}

// byKeyboard goes through the page without a pointer.
func byKeyboard(t *testing.T, tb *browser.Tab) {
	tabTo(tb, "#picture")
	first := tb.Text("detail")
	tb.Do(press(kb.End), until(`document.activeElement.closest(".edge") !== null`))
	if last := tb.Text("detail"); last == first || !strings.Contains(last, "hop 1/1 → 2/1") {
		t.Errorf("the last part of the picture is %q", last)
	}
	tb.Do(press(kb.Home), until(`document.activeElement.getAttribute("aria-label").startsWith("replica 0/0")`), press(kb.ArrowRight), until(`document.activeElement.getAttribute("aria-label").startsWith("replica 1/0")`))
	tabTo(tb, "#charts")
	tb.Do(press(kb.ArrowLeft), until(`document.activeElement.querySelector(".u-legend .u-value").textContent !== "now"`))
	tabTo(tb, "#tab-slow")
	tb.Do(press(kb.ArrowRight), until(`document.activeElement.id === "tab-failed" && document.activeElement.getAttribute("aria-selected") === "true"`))
	tabTo(tb, "tr.request")
	shown := browser.Evaluate[string](tb, `const s = getComputedStyle(document.activeElement); return s.outlineStyle`)
	if shown == "none" {
		t.Error("it can't be seen where the focus is")
	}
	tb.Do(until(`[...document.querySelectorAll("#list tr.request")].some((r) => r.dataset.id === "spoil-it") && [...document.querySelectorAll("#list tr.request")].some((r) => r.dataset.id === "gone")`))
	for range 4 { // other clients may have left as well
		if browser.Evaluate[bool](tb, `return document.activeElement.dataset.id === "spoil-it"`) {
			break
		}
		tb.Do(press(kb.ArrowDown))
	}
	tb.Do(press(kb.Enter), until(`document.activeElement.getAttribute("aria-expanded") === "true"`))
	more := browser.Evaluate[string](tb, `return document.activeElement.nextSibling.innerText`)
	for _, want := range []string{"Failed at code2wav", "refused its input", "code2wav", "%"} {
		if !strings.Contains(more, want) {
			t.Errorf("no %q in %q", want, more)
		}
	}
	tb.Do(press(kb.Enter), until(`document.activeElement.getAttribute("aria-expanded") === "false"`))
}

func TestPageAsksForTheKey(t *testing.T) {
	w := serve(t, server.Options{Keys: []string{"secret"}}, 0)
	tb := browser.Open(t, w.url)
	tb.Do(
		chromedp.Navigate(w.url+"/dashboard"), browser.State("keyed"), chromedp.WaitVisible(chromedp.ID("key")),
		until(`document.activeElement.id === "key"`), chromedp.SendKeys(chromedp.ID("key"), "wrong"+kb.Enter),
		until(`document.getElementById("refused").textContent.includes("does not know")`),
		chromedp.Evaluate[chromedp.Void](`document.getElementById("key").value = ""`),
		chromedp.SendKeys(chromedp.ID("key"), "secret"+kb.Enter), browser.State("drawn"),
	)
	if text := tb.Text("headline-text"); !strings.HasPrefix(text, "Nothing to do") && !strings.HasPrefix(text, "Looking") {
		t.Errorf("headline %q", text)
	}
	tb.Clean("401") // the browser notes each refusal
}

func TestPageSaysThatStatisticsAreOff(t *testing.T) {
	browser.Need(t)
	quiet := slog.New(slog.DiscardHandler)
	p, err := pipeline.New(pipeline.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.New(server.Options{Orchestrator: p.Orchestrator, Model: p.Frontend, Metrics: p.Metrics, Log: quiet}).Handler())
	t.Cleanup(func() {
		web.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	tb := browser.Open(t, web.URL)
	tb.Do(chromedp.Navigate(web.URL+"/dashboard"), browser.State("drawn"))
	if text := tb.Text("headline"); !strings.Contains(text, "Statistics are off.") || !strings.Contains(text, "--log-stats") {
		t.Errorf("headline %q", text)
	}
	if browser.Evaluate[bool](tb, `return document.getElementById("shown").checkVisibility()`) {
		t.Error("an empty page is shown below")
	}
	tb.Clean()
}
