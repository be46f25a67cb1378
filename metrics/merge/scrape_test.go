package merge

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// web is a server whose page a test can change.
type web struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	asked  int
}

func serve(t *testing.T, text string) *web {
	w := &web{answer: says(text)}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked++
		answer := w.answer
		w.mu.Unlock()
		answer(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func (w *web) becomes(answer http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

func (w *web) times() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// results keeps what a scraper told.
type results struct {
	mu  sync.Mutex
	all []Result
}

func (r *results) observe(one Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
}

func (r *results) failures() (list []Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		list = append(list, one.Failure)
	}
	return list
}

func scraper(t *testing.T, o Options, servers ...*web) (*Scraper, *results) {
	seen := &results{}
	o.Observe = seen.observe
	s := NewScraper(o)
	t.Cleanup(s.Close)
	var targets []Target
	for i, w := range servers {
		targets = append(targets, Target{Source{"omni", 1, i}, w.URL})
	}
	s.SetTargets(targets)
	return s, seen
}

func text(t *testing.T, s *Scraper) string {
	pages, release := s.Pages(t.Context())
	defer release()
	return merged(t, pages...)
}

func TestEachCallScrapesEveryTarget(t *testing.T) {
	a, b := serve(t, "vllm:x 1\n"), serve(t, "vllm:x 2\n")
	s, seen := scraper(t, Options{}, a, b)
	want := "# TYPE vllm:x untyped\n" + `vllm:x{model_name="omni",replica="0",stage="1"} 1` + "\n" + `vllm:x{model_name="omni",replica="1",stage="1"} 2` + "\n"
	if got := text(t, s); got != want {
		t.Error(got)
	}
	a.becomes(says("vllm:x 3\n"))
	if got := text(t, s); got != strings.Replace(want, "} 1", "} 3", 1) {
		t.Error(got)
	}
	if r := seen.all[0]; r.Series != 1 || r.Bytes != 9 || r.Err != nil || len(seen.all) != 4 {
		t.Errorf("%+v of %d", r, len(seen.all))
	}
}

func TestPageThatFailsHurtsOnlyItsOwnSeries(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   Failure
	}{
		"refused status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, FailedStatus},
		"redirect":       {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, FailedStatus},
		"too large":      {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("vllm:x 1\n", 1000)) }, FailedTooLarge},
		"a web page":     {says("<html>\n<body>\n"), FailedNotText},
		"reset":          {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, FailedConnect},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "vllm:x 1\n")
		}, FailedConnect},
	} {
		t.Run(name, func(t *testing.T) {
			good, bad := serve(t, "vllm:x 1\n"), serve(t, "")
			bad.becomes(c.answer)
			bad.Config.ErrorLog = nil
			s, seen := scraper(t, Options{MaxBytes: 1000}, good, bad)
			got := text(t, s)
			if !strings.Contains(got, `replica="0",stage="1"} 1`) || strings.Contains(got, `replica="1"`) {
				t.Error(got)
			}
			if f := seen.failures(); len(f) != 2 || f[0]+f[1] != c.want {
				t.Errorf("failures %q, want %q", f, c.want)
			}
		})
	}
}

func TestPageThatIsNotWholeInTimeIsLeftOut(t *testing.T) {
	slow := serve(t, "")
	release := make(chan struct{})
	slow.becomes(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "vllm:x 2\n")
		w.(http.Flusher).Flush()
		<-release
	})
	defer close(release)
	s, seen := scraper(t, Options{Timeout: 20 * time.Millisecond}, slow)
	if got := text(t, s); got != "" {
		t.Error(got)
	}
	if f := seen.failures(); len(f) != 1 || f[0] != FailedTimeout {
		t.Error(f)
	}
}

func TestWhoeverAskedAndLeftIsNoFailure(t *testing.T) {
	slow := serve(t, "")
	asked, release := make(chan struct{}), make(chan struct{})
	slow.becomes(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	})
	defer close(release)
	s, seen := scraper(t, Options{}, slow)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-asked
		leave()
	}()
	pages, done := s.Pages(ctx)
	done()
	if len(pages) != 0 || len(seen.failures()) != 0 {
		t.Errorf("%d pages, failures %v", len(pages), seen.failures())
	}
}

func TestIntervalShowsTheNewestPageUntilItIsStale(t *testing.T) {
	now := time.Unix(1000, 0)
	var clock sync.Mutex
	advance := func(d time.Duration) {
		clock.Lock()
		defer clock.Unlock()
		now = now.Add(d)
	}
	w := serve(t, "vllm:x 1\n")
	wake, rounded := make(chan time.Time), make(chan struct{})
	s, seen := scraper(t, Options{
		Interval: 10 * time.Second,
		now: func() time.Time {
			clock.Lock()
			defer clock.Unlock()
			return now
		},
		wake: wake, rounded: func() { rounded <- struct{}{} },
	}, w)
	<-rounded // the one at the start, when there is no target yet
	round := func() {
		wake <- time.Time{}
		<-rounded
	}
	round()
	if got := text(t, s); !strings.Contains(got, "} 1") {
		t.Fatal(got)
	}
	scrapes := w.times()
	text(t, s)
	if w.times() != scrapes {
		t.Error("a call scraped by itself")
	}
	w.becomes(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	advance(15 * time.Second)
	round()
	if got := text(t, s); !strings.Contains(got, "} 1") {
		t.Errorf("one failure made a gap: %q", got)
	}
	if ages := s.Ages(); len(ages) != 1 || !ages[0].Known || ages[0].Age != 15*time.Second || ages[0].Bytes != 9 {
		t.Errorf("%+v", ages)
	}
	advance(6 * time.Second)
	if got := text(t, s); got != "" {
		t.Errorf("a stale page is shown: %q", got)
	}
	w.becomes(says("vllm:x 2\n"))
	round()
	if got := text(t, s); !strings.Contains(got, "} 2") {
		t.Errorf("%q, failures %v", got, seen.failures())
	}
}

func TestCallWaitsNoLongerForAnothersScrapeThanItMay(t *testing.T) {
	slow := serve(t, "")
	asked, release := make(chan struct{}), make(chan struct{})
	slow.becomes(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		fmt.Fprint(w, "vllm:x 1\n")
	})
	s, _ := scraper(t, Options{Timeout: time.Hour}, slow)
	var first sync.WaitGroup
	first.Go(func() {
		if got := text(t, s); !strings.Contains(got, "} 1") {
			t.Error(got)
		}
	})
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	pages, done := s.Pages(ctx)
	done()
	if len(pages) != 0 {
		t.Errorf("%d pages", len(pages))
	}
	close(release)
	first.Wait()
	if slow.times() != 1 {
		t.Errorf("%d scrapes", slow.times())
	}
}

func TestLookTellsWhetherThereIsAPage(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   Presence
	}{
		"a page of an engine":        {says("vllm:x 1\n"), Present},
		"a page of something else":   {says("python_info 1\n"), Missing},
		"a page of the web":          {says("<html>\n"), Missing},
		"nothing of that name":       {status(http.StatusNotFound), Missing},
		"not to be asked":            {status(http.StatusMethodNotAllowed), Missing},
		"still starting":             {status(http.StatusServiceUnavailable), Unsure},
		"a key that is not accepted": {status(http.StatusUnauthorized), Unsure},
	} {
		w := serve(t, "")
		w.becomes(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer key" {
				t.Errorf("%s: the request was not prepared", name)
			}
			c.answer(rw, r)
		})
		s, seen := scraper(t, Options{Prepare: func(r *http.Request, _ Target) { r.Header.Set("Authorization", "Bearer key") }})
		if got := s.Look(t.Context(), Target{here, w.URL}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if len(seen.failures()) != 0 {
			t.Errorf("%s: a look was told of", name)
		}
		w.Close()
		if got := s.Look(t.Context(), Target{here, w.URL}); got != Unsure {
			t.Errorf("%s: %v of a server that is down", name, got)
		}
	}
}

func TestNoScraperAndAClosedOneHaveNoTargets(t *testing.T) {
	var none *Scraper
	none.SetTargets([]Target{{here, "http://127.0.0.1:1"}})
	if none.Look(t.Context(), Target{}) != Unsure {
		t.Error("nobody knows something")
	}
	closed := NewScraper(Options{})
	closed.SetTargets([]Target{{here, "http://127.0.0.1:1"}})
	closed.Close()
	for _, s := range []*Scraper{none, closed} {
		pages, release := s.Pages(t.Context())
		release()
		if len(pages) != 0 || len(s.Ages()) != 0 {
			t.Errorf("%d pages, ages %v", len(pages), s.Ages())
		}
	}
	none.Close()
}

func TestTargetsComeAndGo(t *testing.T) {
	a, b := serve(t, "vllm:x 1\n"), serve(t, "vllm:x 2\n")
	s, _ := scraper(t, Options{}, a, b)
	text(t, s)
	s.SetTargets([]Target{{Source{"omni", 1, 1}, b.URL}})
	if got := text(t, s); strings.Contains(got, `replica="0"`) || !strings.Contains(got, `replica="1"`) {
		t.Error(got)
	}
}

func TestManyReadersAtOnceShareScrapesAndPages(t *testing.T) {
	a := serve(t, "vllm:x 1\n")
	b := serve(t, "vllm:y 2\n")
	s, _ := scraper(t, Options{}, a, b)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if got := text(t, s); strings.Count(got, "} 1\n") != 1 || strings.Count(got, "} 2\n") != 1 {
					t.Error(got)
				}
			}
		})
	}
	all.Wait()
}
