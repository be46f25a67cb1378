// Package play opens the page at /play in a real browser, without a screen.
package play

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/limelight-omni/limelight/internal/server"
	"github.com/limelight-omni/limelight/metrics/continuity"
)

// seconds reads a duration as the page shows it.
func seconds(t *testing.T, text string) float64 {
	t.Helper()
	number, unit, _ := strings.Cut(text, " ")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		t.Errorf("%q is no duration", text)
	}
	if unit == "ms" {
		v /= 1000
	}
	return v
}

// frames is what the server says that it made.
func (tb *tab) frames() float64 {
	tb.T.Helper()
	page := tb.get("/metrics")
	m := regexp.MustCompile(`(?m)^vllm:omni_audio_frames_total\{.*\} (\S+)$`).FindStringSubmatch(page)
	if m == nil {
		tb.T.Fatalf("no frames on\n%s", page)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		tb.T.Error(err)
	}
	return v
}

func (tb *tab) get(path string) string {
	tb.T.Helper()
	return evaluate[string](tb, `return (await fetch("`+tb.URL+path+`")).text()`)
}

func TestSpeechIsHeardByKeyboardAlone(t *testing.T) {
	tb := open(t, server.Options{})
	tb.visit()
	tb.do(
		empty("text"), chromedp.SendKeys(chromedp.ID("text"), "we can hear it"),
		chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(kb.ModifierCtrl)),
		state("done"),
	)
	if status := tb.Text("status"); !strings.Contains(strings.ToLower(status), "gap") { // some are heard on a machine that is busy, none otherwise
		t.Errorf("status %q", status)
	}
	if sound := seconds(t, tb.Text("sound")); math.Abs(sound-tb.frames()/24000) > 0.006 || sound == 0 {
		t.Errorf("the page heard %v s, the server made %v", sound, tb.frames()/24000)
	}
	if level := tb.Text("level"); !regexp.MustCompile(`^-?\d+\.\d dBFS$`).MatchString(level) {
		t.Errorf("level %q", level)
	}
	if ttfp := seconds(t, tb.Text("ttfp")); ttfp <= 0 {
		t.Errorf("TTFP %v", ttfp)
	}
	drawn := evaluate[struct{ Chunks, Rows, Stairs, Wave int }](tb, `const n = (q) => document.querySelectorAll(q).length;
		return {Chunks: n("circle.chunk"), Rows: n("#chunks tr"), Stairs: n("path.stairs"), Wave: n("path.wave")}`)
	if drawn.Chunks == 0 || drawn.Chunks != drawn.Rows || drawn.Stairs != 1 || drawn.Wave != 1 {
		t.Errorf("drawn %+v", drawn)
	}
	tb.Clean()
}

func TestChatShowsItsWordsAndIsHeard(t *testing.T) {
	tb := open(t, server.Options{})
	tb.visit()
	tb.do(chromedp.Click(chromedp.CSS("input[value=chat]")), chromedp.SetValue(chromedp.ID("voice"), "ethan"), press(), state("done"))
	if words := tb.Text("words"); words == "" {
		t.Error("no words")
	}
	if sound := seconds(t, tb.Text("sound")); math.Abs(sound-tb.frames()/24000) > 0.006 || sound == 0 {
		t.Errorf("the page heard %v s, the server made %v", sound, tb.frames()/24000)
	}
	tb.Clean()
}

func TestKeyIsAskedForWhereOneIsNeeded(t *testing.T) {
	tb := open(t, server.Options{Keys: []string{"secret"}})
	tb.do(chromedp.Navigate(tb.URL+"/play"), state("failed"), chromedp.WaitVisible(chromedp.ID("key")))
	if status := tb.Text("status"); status != "This server asks for an API key." {
		t.Errorf("status %q", status)
	}
	tb.do(
		chromedp.SendKeys(chromedp.ID("key"), "wrong"+kb.Tab),
		chromedp.Poll[chromedp.Void](`document.getElementById("status").textContent.includes("401")`),
		empty("key"), chromedp.SendKeys(chromedp.ID("key"), "secret"+kb.Tab), state("idle"),
		write("hello"), press(), state("done"),
	)
	tb.Clean("401") // the browser notes each refusal
}

func TestEscapeStops(t *testing.T) {
	tb := open(t, server.Options{})
	tb.visit()
	tb.do(
		write(strings.Repeat("we can hear it and it is long. ", 20)), press(), state("playing"), chromedp.KeyEvent(kb.Escape), state("idle"),
	)
	if status := tb.Text("status"); status != "Stopped." {
		t.Errorf("status %q", status)
	}
	tb.Clean("net::ERR_ABORTED")
}

func TestFormulaIsThatOfTheMetricsPage(t *testing.T) {
	tb := open(t, server.Options{})
	tb.visit()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		rate := 8000 + random.IntN(40000)
		var at []time.Duration
		var bytes []int
		var now time.Duration
		for range 1 + random.IntN(30) {
			now += time.Duration(random.IntN(300)) * time.Millisecond
			at, bytes = append(at, now), append(bytes, 2*random.IntN(rate/4))
		}
		want := continuity.Simulate(at, bytes, rate, 2, 1, continuity.DefaultThreshold)
		in, err := json.Marshal(map[string]any{"rate": rate, "at": at, "bytes": bytes})
		if err != nil {
			t.Fatal(err)
		}
		got := evaluate[struct {
			Underrun, Threshold float64
			Events              int
		}](tb, fmt.Sprintf(`const { Player, threshold } = await import("./play/continuity.js"); const { rate, at, bytes } = %s;
			const player = new Player(rate); at.forEach((t, i) => player.chunk(t / 1e9, bytes[i]));
			return { Underrun: player.underrun, Events: player.events, Threshold: threshold }`, in))
		if math.Abs(got.Underrun-want.Underrun.Seconds()) > 1e-6 || got.Events != want.Events || got.Threshold != continuity.DefaultThreshold.Seconds() {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
	}
}

func TestGapIsDrawnFromWhenSoundWasNeededUntilItCame(t *testing.T) {
	tb := open(t, server.Options{})
	tb.visit()
	got := evaluate[struct {
		Late   []float64
		Starts []float64
		Gaps   []struct{ X, Width float64 }
		Labels []string
		Span   []float64 // x of the first sound and of the end of the player's line
	}](tb, `const { Listener } = await import("./play/listener.js"); const { Chart } = await import("./play/chart.js");
		document.getElementById("result").hidden = false;
		const listener = new Listener(), svg = document.getElementById("chart");
		const piece = (at, ms) => listener.hear({ at, rate: 1000, samples: new Float32Array(ms).fill(0.5) });
		piece(0.1, 400); piece(0.101, 100); piece(0.5, 500); piece(1.4, 600); // needed at 0.6 and at 1.1
		new Chart(svg).draw(listener);
		const line = svg.querySelector(".clock").getAttribute("d").match(/[\d.]+/g).map(Number);
		return {
			Late: listener.chunks.map((c) => c.late), Starts: listener.chunks.map((c) => c.start),
			Gaps: [...svg.querySelectorAll("rect.gap")].map((r) => ({ X: +r.getAttribute("x"), Width: +r.getAttribute("width") })),
			Labels: [...svg.querySelectorAll(".gap-label")].map((l) => l.textContent), Span: [line[0], line[2]] }`)
	close := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
	if len(got.Late) != 3 || got.Late[0] != 0 || got.Late[1] != 0 || !close(got.Late[2], 0.3) {
		t.Errorf("late %v, want [0 0 0.3]", got.Late)
	}
	if len(got.Starts) != 3 || !close(got.Starts[1], 0.6) || !close(got.Starts[2], 1.4) {
		t.Errorf("heard at %v, want [0.1 0.6 1.4]", got.Starts)
	}
	scale := (got.Span[1] - got.Span[0]) / 1.6 // of a second
	if len(got.Gaps) != 1 || math.Abs(got.Gaps[0].X-got.Span[0]-scale) > 0.1 || math.Abs(got.Gaps[0].Width-0.3*scale) > 0.1 || len(got.Labels) != 1 || got.Labels[0] != "300 ms" {
		t.Errorf("gaps %v %v, want one of %v from %v", got.Gaps, got.Labels, 0.3*scale, got.Span[0]+scale)
	}
}

func TestPageFitsAPhoneAndFollowsTheSystemsColours(t *testing.T) {
	tb := open(t, server.Options{})
	tb.do(chromedp.EmulateViewport(360, 640, chromedp.EmulateMobile))
	tb.visit()
	tb.do(write("hello"), press(), state("done"))
	if width := evaluate[int](tb, `return document.documentElement.scrollWidth`); width > 360 {
		t.Errorf("the page is %d points wide", width)
	}
	colours := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(tb.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		if err != nil {
			t.Fatal(err)
		}
		colours[evaluate[string](tb, `const s = getComputedStyle(document.body); return s.backgroundColor + " " + s.color`)] = scheme
	}
	if len(colours) != 2 {
		t.Errorf("light and dark are both %v", colours)
	}
}

func TestReplyThatBreaksOffIsSaidToBeBroken(t *testing.T) {
	tb := open(t, server.Options{})
	tb.visit()
	for _, c := range []struct{ mode, body, want string }{
		{"speech", `[]`, "The sound broke off."},
		{"speech", `[header, new Uint8Array(3)]`, "The sound broke off."},
		{"speech", `["<!doctype html>"]`, "The reply is not a WAV file."},
		{"chat", `['data: {"choices":[{"delta":{"content":"hi"}}],"modality":"text"}\n\n']`, "The reply broke off."},
		{"chat", `['data: {"error":{"message":"stage talker: lost"}}\n\n', 'data: [DONE]\n\n']`, "stage talker: lost"},
		{"speech", `[header, new Uint8Array(4)]`, ""},
		{"chat", `['data: [DONE]\n\n']`, ""},
	} {
		got := evaluate[string](tb, `const reply = await import("./play/reply.js");
			const header = new Uint8Array(44), view = new DataView(header.buffer);
			["RIFF", "", "WAVE", "fmt "].forEach((name, i) => [...name].forEach((c, k) => (header[4 * i + k] = c.charCodeAt(0))));
			[..."data"].forEach((c, k) => (header[36 + k] = c.charCodeAt(0)));
			view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true); view.setUint32(24, 24000, true); view.setUint16(34, 16, true);
			window.fetch = async () => new Response(new Blob(`+c.body+`));
			try {
				for await (const piece of reply.`+c.mode+`({ text: "hi" })) if (piece.samples?.length === 0) return "an empty piece";
				return "";
			} catch (error) { return error.message }`)
		if got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.mode, c.body, got, c.want)
		}
	}
}
