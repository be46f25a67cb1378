package pipeline

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/metrics/merge"
)

// Times between two looks for a server's metrics page: while nobody knows
// whether it has one, and once it seemed to have none. Some engines have no
// family before their first request.
const (
	pageInterval  = 5 * time.Second
	doubtInterval = time.Minute
)

// seat is a replica's place in a relay.
type seat struct{ stage, id int }

// page is what is known of a replica's metrics page.
type page struct {
	merge.Presence
	next time.Time // when to look again
}

// scrape makes the scraper of the servers' pages; there is none without
// statistics.
func (r *Relay) scrape() {
	r.scraper = r.Metrics.ScrapeEngines(merge.Options{
		Interval: r.o.ScrapeInterval,
		Prepare: func(req *http.Request, t merge.Target) {
			r.mu.Lock()
			m := r.members[t.Stage][t.Replica]
			r.mu.Unlock()
			if m.APIKey != "" && sameHost(m.Engine.URL(), t.URL) { // the key is that server's
				req.Header.Set("Authorization", "Bearer "+m.APIKey)
			}
		},
	})
}

// FindPages looks, at every server of which it is not known yet, whether it has
// a metrics page. One that has is scraped from now on; of one that has none
// this server records what it sees. One that gets a page later on is scraped
// then, and what was recorded here is gone: it would stand twice.
func (r *Relay) FindPages(ctx context.Context) {
	if r.scraper == nil {
		return
	}
	var all sync.WaitGroup
	for k := range r.kinds {
		for id, m := range r.servers(k) {
			at := seat{k, id}
			r.mu.Lock()
			known := r.pages[at]
			r.mu.Unlock()
			if known.Presence == merge.Present || time.Now().Before(known.next) {
				continue
			}
			all.Go(func() {
				look, cancel := context.WithTimeout(ctx, r.o.HealthTimeout)
				defer cancel()
				r.looked(at, m.Engine, known, r.scraper.Look(look, r.target(at, m)))
			})
		}
	}
	all.Wait()
	r.setTargets()
}

// looked acts on what a look told.
func (r *Relay) looked(at seat, e *remote.Engine, before page, told merge.Presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if told == merge.Unsure || r.members[at.stage][at.id].Engine != e { // it left meanwhile
		return
	}
	r.pages[at] = page{told, time.Now().Add(doubtInterval)}
	if told == merge.Missing {
		e.Record(r.Metrics.Gateway(at.stage, at.id))
	} else {
		e.Record(nil)
		r.Metrics.EndGateway(at.stage, at.id)
	}
	if told != before.Presence {
		r.o.Log.Info("metrics of a server", "stage", r.kinds[at.stage], "replica", at.id, "server", e.URL(), "own page", told == merge.Present)
	}
}

func (r *Relay) target(at seat, m member) merge.Target {
	return merge.Target{Source: merge.Source{ModelName: r.name, Stage: at.stage, Replica: at.id}, URL: pageURL(m.Engine.URL(), m.Metrics)}
}

// atOwnHost says whether a page is at the host of whatever server it is of.
func atOwnHost(page string) bool { return page == "" || page[0] == ':' }

// pageURL is the address of a server's page, which Backend.Metrics says.
func pageURL(server, page string) string {
	const path = "/metrics"
	if page == "" {
		return server + path
	}
	if u, err := url.Parse(server); err == nil && atOwnHost(page) {
		page = u.Scheme + "://" + strings.TrimSuffix(u.Host, ":"+u.Port()) + page
	}
	if u, err := url.Parse(page); err == nil && (u.Path == "" || u.Path == "/") {
		u.Path = path
		return u.String()
	}
	return page
}

// sameHost says whether two addresses are at one host, whatever the ports.
func sameHost(a, b string) bool {
	one, err := url.Parse(a)
	other, otherErr := url.Parse(b)
	return err == nil && otherErr == nil && one.Hostname() == other.Hostname()
}

// setTargets makes the servers that have a page the scraper's.
func (r *Relay) setTargets() {
	r.mu.Lock()
	defer r.mu.Unlock()
	var targets []merge.Target
	for k := range r.kinds {
		for id, m := range r.members[k] {
			if at := (seat{k, id}); r.pages[at].Presence == merge.Present {
				targets = append(targets, r.target(at, m))
			}
		}
	}
	slices.SortFunc(targets, func(a, b merge.Target) int {
		return cmp.Or(cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Replica, b.Replica))
	})
	r.scraper.SetTargets(targets)
}
