package merge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Defaults of a Scraper.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultMaxBytes = 16 << 20
)

// staleIntervals is how many intervals a page may be old in a Scraper that
// scrapes at intervals: one scrape may fail without a gap.
const staleIntervals = 2

// Result describes one scrape.
type Result struct {
	Target
	Failure   Failure // empty if there is a page
	Err       error
	Duration  time.Duration
	Bytes     int64
	Series    int
	Malformed int
}

// Options configure a Scraper.
type Options struct {
	// Client is what pages are fetched with; nil means one of its own that
	// follows no redirect.
	Client *http.Client
	// Rules say which families are taken; the zero value takes EngineFamilies.
	Rules Rules
	// Interval, if positive, scrapes in the background; the pages shown are then
	// at most twice as old. Otherwise each call of Pages scrapes.
	Interval time.Duration
	// Timeout bounds one scrape; default DefaultTimeout.
	Timeout time.Duration
	// MaxBytes bounds one page, after decompression; default DefaultMaxBytes.
	MaxBytes int64
	// Prepare may add to each request before it is sent, a key for instance; may
	// be nil. It may be called from several goroutines.
	Prepare func(*http.Request, Target)
	// Observe is told of each scrape; may be nil. It may be called from several
	// goroutines.
	Observe func(Result)

	now func() time.Time
	// wake makes background rounds in tests, nil means a ticker; rounded is told
	// of the end of each.
	wake    <-chan time.Time
	rounded func()
}

// Scraper keeps the newest page of each target. A nil one has no targets.
type Scraper struct {
	o    Options
	pool sync.Pool // of *shared
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	targets []*target
}

// NewScraper makes a scraper without targets; Close ends it.
func NewScraper(o Options) *Scraper {
	if o.Client == nil {
		o.Client = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: 2 * time.Minute, DialContext: (&net.Dialer{Timeout: DefaultTimeout}).DialContext},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if o.Rules.Keep == nil {
		o.Rules = EngineFamilies
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Prepare == nil {
		o.Prepare = func(*http.Request, Target) {}
	}
	if o.Observe == nil {
		o.Observe = func(Result) {}
	}
	if o.now == nil {
		o.now = time.Now
	}
	s := &Scraper{o: o, stop: make(chan struct{})}
	s.pool.New = func() any { return new(shared) }
	if o.Interval > 0 {
		s.done.Go(s.background)
	}
	return s
}

// Close ends the background work, drops the idle connections and forgets the
// targets.
func (s *Scraper) Close() {
	if s == nil {
		return
	}
	s.SetTargets(nil)
	close(s.stop)
	s.done.Wait()
	s.o.Client.CloseIdleConnections()
}

// SetTargets replaces the targets. A target that stays, by its source and
// address, keeps its page.
func (s *Scraper) SetTargets(targets []Target) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[Target]*target{}
	for _, t := range s.targets {
		known[t.Target] = t
	}
	s.targets = make([]*target, len(targets))
	for i, t := range targets {
		if s.targets[i] = known[t]; s.targets[i] == nil {
			s.targets[i] = &target{Target: t, scraping: make(chan struct{}, 1)}
		}
	}
}

func (s *Scraper) list() []*target {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.targets
}

// Pages returns the newest pages, in the targets' order, and a function that
// gives them back, which must be called once they have been written. Without
// an interval it scrapes every target first and leaves out those that fail
// before ctx ends; with one it leaves out those whose page is stale.
func (s *Scraper) Pages(ctx context.Context) ([]*Page, func()) {
	targets := s.list()
	if len(targets) == 0 {
		return nil, func() {}
	}
	used := make([]*shared, len(targets))
	if s.o.Interval > 0 {
		oldest := s.o.now().Add(-staleIntervals * s.o.Interval)
		for i, t := range targets {
			if used[i] = t.take(); used[i] != nil && used[i].scraped.Before(oldest) {
				s.release(used[i])
				used[i] = nil
			}
		}
	} else {
		called := s.o.now()
		var all sync.WaitGroup
		for i, t := range targets {
			all.Go(func() { used[i] = s.fresh(ctx, t, called) })
		}
		all.Wait()
	}
	pages := make([]*Page, 0, len(used))
	for _, u := range used {
		if u != nil {
			pages = append(pages, &u.page)
		}
	}
	return pages, func() {
		for _, u := range used {
			if u != nil {
				s.release(u)
			}
		}
	}
}

// Ages returns the age of each target's newest page, in the targets' order; a
// target that never had one is false.
func (s *Scraper) Ages() (ages []Age) {
	for _, t := range s.list() {
		a := Age{Target: t.Target}
		if u := t.take(); u != nil {
			a.Known, a.Age, a.Bytes, a.Series = true, s.o.now().Sub(u.scraped), int64(len(u.text)), u.page.Series
			s.release(u)
		}
		ages = append(ages, a)
	}
	return ages
}

// Age is how old a target's newest page is, and how large it was.
type Age struct {
	Target
	Known  bool
	Age    time.Duration
	Bytes  int64
	Series int // taken over
}

// fresh is the target's page, scraped after called; nil if that fails. Calls
// that come while a scrape is under way wait for it and share its page; they
// wait no longer than ctx, however long that scrape may take.
func (s *Scraper) fresh(ctx context.Context, t *target, called time.Time) *shared {
	select {
	case t.scraping <- struct{}{}:
		defer func() { <-t.scraping }()
	case <-ctx.Done():
		return nil
	}
	if u := t.take(); u != nil {
		if !u.scraped.Before(called) {
			return u
		}
		s.release(u)
	}
	if !s.scrape(ctx, t) {
		return nil
	}
	return t.take()
}

func (s *Scraper) background() {
	wake := s.o.wake
	if wake == nil {
		ticker := time.NewTicker(s.o.Interval)
		defer ticker.Stop()
		wake = ticker.C
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.done.Go(func() {
		<-s.stop
		cancel()
	})
	for {
		var all sync.WaitGroup
		for _, t := range s.list() {
			all.Go(func() {
				t.scraping <- struct{}{} // nobody else scrapes
				defer func() { <-t.scraping }()
				s.scrape(ctx, t)
			})
		}
		all.Wait()
		if s.o.rounded != nil {
			s.o.rounded()
		}
		select {
		case <-wake:
		case <-s.stop:
			return
		}
	}
}

// scrape fetches a target's page. The page before stays when that fails: it
// ages. The caller has the place of the target's scraping.
func (s *Scraper) scrape(asked context.Context, t *target) bool {
	ctx, cancel := context.WithTimeout(asked, s.o.Timeout)
	defer cancel()
	began := s.o.now()
	u := s.pool.Get().(*shared)
	r := Result{Target: t.Target}
	r.Failure, r.Err = s.fetch(ctx, t.Target, u)
	r.Bytes = int64(len(u.text))
	if r.Err == nil {
		u.page.Read(u.text, t.Source, s.o.Rules)
		r.Series, r.Malformed = u.page.Series, u.page.Malformed
		if r.Series == 0 && r.Malformed > 0 {
			r.Failure, r.Err = FailedNotText, fmt.Errorf("scrape %s: %d lines, none is a sample", t.URL, r.Malformed)
		}
	}
	u.scraped = s.o.now()
	r.Duration = u.scraped.Sub(began)
	if r.Err == nil || !errors.Is(asked.Err(), context.Canceled) { // who asked left: the target did nothing wrong
		s.o.Observe(r)
	}
	if r.Err != nil {
		s.pool.Put(u)
		return false
	}
	u.users.Store(1) // the target itself
	if old := t.put(u); old != nil {
		s.release(old)
	}
	return true
}
