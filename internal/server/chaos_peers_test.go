package server

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// blocks watches the KV blocks of the autoregressive engines that one process,
// or what stands for one, starts.
type blocks struct {
	holders atomic.Int64 // requests that hold blocks

	mu   sync.Mutex // guards last
	last []ar.State // by engine: after its newest step
}

func (b *blocks) listen(int, int) ar.Listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.last)
	b.last = append(b.last, ar.State{})
	return ar.Listener{
		Admitted: func(*ar.Life) { b.holders.Add(1) },
		Ended: func(l *ar.Life, _ engine.FinishReason) {
			if !l.Scheduled.IsZero() {
				b.holders.Add(-1)
			}
		},
		Stepped: func(s *ar.Step) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.last[n] = s.State
		},
	}
}

// check is for the time when no request is left.
func (b *blocks) check(t *testing.T, who string) {
	t.Helper()
	if n := b.holders.Load(); n != 0 {
		t.Errorf("%s: %d requests hold KV blocks", who, n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all := 0
	for i, s := range b.last { // one that has no blocks makes no steps
		if all += s.Blocks; s.FreeBlocks != s.Blocks {
			t.Errorf("%s: engine %d has %d of %d KV blocks free", who, i, s.FreeBlocks, s.Blocks)
		}
	}
	if all == 0 {
		t.Errorf("%s: no engine made a step", who)
	}
}

// stagehand is a peer that is killed and started again.
type stagehand struct {
	t       *testing.T
	address string
	stages  []string
	host    *pipeline.Host // nil while it is dead
	served  chan error
	blocks  *blocks
}

func (s *stagehand) start() {
	s.t.Helper()
	s.blocks = &blocks{}
	h, err := pipeline.NewHost(pipeline.Options{MaxNumSeqs: 4, Log: slog.New(slog.DiscardHandler), Listener: s.blocks.listen}, s.stages, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(errors.Join(err, h.Close()))
	}
	s.address, s.host, s.served = listener.Addr().String(), h, make(chan error, 1)
	go func() { s.served <- h.Serve(listener) }()
}

// kill drops every connection in the middle of whatever is said over it.
func (s *stagehand) kill() {
	s.t.Helper()
	if s.host == nil {
		return
	}
	if err := errors.Join(s.host.Close(), <-s.served); err != nil {
		s.t.Error(err)
	}
	if n := s.host.Requests(); n != 0 {
		s.t.Errorf("a dead peer works for %d requests", n)
	}
	if n := s.blocks.holders.Load(); n != 0 {
		s.t.Errorf("in a dead peer %d requests hold KV blocks", n)
	}
	s.host = nil
}
