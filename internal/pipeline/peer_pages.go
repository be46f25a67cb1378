package pipeline

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/metrics"
	"github.com/limelight-omni/limelight/metrics/merge"
)

// peerPages puts the engine families of the replicas at peers on this process's
// page, with the ids that they have here. They come over the connections that
// the requests take, so that nobody has to know a further address. It implements
// http.RoundTripper for the scraper. The methods of a nil one do nothing.
type peerPages struct {
	model   string
	scraper *merge.Scraper

	mu    sync.Mutex // guards the fields below
	shown map[string]seated
	gone  map[place]bool // replicas that were closed
}

// seated is a replica at a peer.
type seated struct {
	peer *joined
	place
}

// scrapePeers makes what puts the peers' pages on that of m; nil without
// statistics, or without peers.
func scrapePeers(m *metrics.Metrics, model string, peers []*joined) *peerPages {
	if !m.Recording() || len(peers) == 0 {
		return nil
	}
	p := &peerPages{model: model, shown: map[string]seated{}, gone: map[place]bool{}}
	p.scraper = m.ScrapeEngines(merge.Options{Client: &http.Client{Transport: p}})
	return p
}

// address is the target of a replica's page, which nobody but RoundTrip reads.
func (at place) address() string { return fmt.Sprintf("peer://%s/%d", stageNames[at.stage], at.id) }

// look acts on which replicas of a peer that was reached have pages. Those of a
// peer that is lost stay: that their scrapes fail is what is to be seen.
func (p *peerPages) look(j *joined) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range j.places {
		delete(p.shown, at.address())
		if name := stageNames[at.stage]; j.HasPages(name) && at.replica < j.Replicas(name) && !p.gone[at] {
			p.shown[at.address()] = seated{j, at}
		}
	}
	p.setTargets()
}

// forget leaves out the page of a replica that is closed.
func (p *peerPages) forget(at place) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone[at] = true
	delete(p.shown, at.address())
	p.setTargets()
}

// setTargets tells the scraper which pages there are. The caller holds mu.
func (p *peerPages) setTargets() {
	targets := make([]merge.Target, 0, len(p.shown))
	for address, at := range p.shown {
		targets = append(targets, merge.Target{Source: merge.Source{ModelName: p.model, Stage: at.stage, Replica: at.id}, URL: address})
	}
	slices.SortFunc(targets, func(a, b merge.Target) int {
		return cmp.Or(cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Replica, b.Replica))
	})
	p.scraper.SetTargets(targets)
}

// RoundTrip fetches a page from its peer.
func (p *peerPages) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	at, ok := p.shown[req.URL.String()]
	p.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%s is closed", req.URL)
	}
	page, err := at.peer.Page(req.Context(), stageNames[at.stage], at.replica)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(page)), ContentLength: int64(len(page)), Request: req,
	}, nil
}

func (p *peerPages) close() {
	if p != nil {
		p.scraper.Close()
	}
}

// paged is a replica whose page goes with it.
type paged struct {
	engine.Engine
	forget func()
}

// Close implements engine.Engine.
func (e paged) Close() error {
	e.forget()
	return e.Engine.Close()
}
