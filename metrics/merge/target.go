package merge

import (
	"sync"
	"sync/atomic"
	"time"
)

// Target is a server whose page is put on one's own.
type Target struct {
	Source
	// URL is the address of its page.
	URL string
}

// target is one server and what is known of it.
type target struct {
	Target
	scraping chan struct{} // holds a place for the one scrape under way; others wait for it

	mu     sync.Mutex // guards newest
	newest *shared    // nil until a scrape brought one
}

// shared is a page in use by any number of readers.
type shared struct {
	page    Page
	scraped time.Time
	users   atomic.Int64
	text    []byte
}

// take is the target's page with one more user, or nil.
func (t *target) take() *shared {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest != nil {
		t.newest.users.Add(1)
	}
	return t.newest
}

// put makes u, which has one user, the target's page and returns the one before.
func (t *target) put(u *shared) *shared {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.newest
	t.newest = u
	return old
}

// release gives a page back; the last user's makes its memory free for others.
func (s *Scraper) release(u *shared) {
	if u.users.Add(-1) == 0 {
		s.pool.Put(u)
	}
}
