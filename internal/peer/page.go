package peer

import (
	"bytes"
	"context"

	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// maxPages bounds the pages that a host writes for one caller at a time.
const maxPages = 256

// paged is the answer to the question for a page.
type paged struct {
	page []byte
	err  error
}

// HasPages says whether the replicas of a stage at the peer have metrics pages
// now; they have none while the peer is lost.
func (p *Peer) HasPages(stage string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == nil {
		return false
	}
	for _, o := range p.session.welcome.Stages {
		if o.Name == stage {
			return o.Pages
		}
	}
	return false
}

// Page returns the metrics page of a replica at the peer, in the Prometheus text
// format.
func (p *Peer) Page(ctx context.Context, stage string, replica int) ([]byte, error) {
	p.mu.Lock()
	s, err := p.session, p.err
	p.mu.Unlock()
	if s == nil {
		return nil, p.lost(err)
	}
	answer := make(chan paged, 1)
	n, err := s.askPage(wire.PageOf{Stage: stage, Replica: replica}, answer)
	if err != nil {
		return nil, err
	}
	select {
	case a := <-answer:
		return a.page, a.err
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.pages, n)
		return nil, context.Cause(ctx)
	}
}

// askPage asks for a page, which answer is given.
func (s *session) askPage(of wire.PageOf, answer chan<- paged) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		return 0, s.lost
	}
	s.last++
	s.pages[s.last] = answer
	s.conn.out.put(&lane{stream: s.last}, wire.KindPage, wire.EncodeJSON(of), false)
	return s.last, nil
}

// paged hands a page to whoever waits for it; nobody may do so any more.
func (s *session) paged(m wire.Message) error {
	page, failed, err := wire.DecodePaged(m.Body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	answer := s.pages[m.Stream]
	delete(s.pages, m.Stream)
	s.mu.Unlock()
	if answer != nil {
		answer <- paged{bytes.Clone(page), failed}
	}
	return nil
}
