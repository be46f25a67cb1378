package selfcheck

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// What the id of a request asks of its hops.
const (
	spoilFirst  = "spoil-first-" // the first payload for code2wav is spoilt
	spoilSecond = "spoil-second-"
	holdSound   = "hold-sound-" // code2wav gets nothing before the gate opens
	holdText    = "hold-text-"  // the thinker gets rid of nothing before it does
)

// meddler is a connector from stage from to the next one that makes chosen
// requests fail or wait.
type meddler struct {
	connector.Connector
	from int
	gate *gate
}

// Open implements connector.Connector.
func (m meddler) Open(edge connector.Edge, id string) (connector.Link, error) {
	link, err := m.Connector.Open(edge, id)
	switch {
	case err != nil:
		return nil, err
	case m.from == pipeline.Thinker && strings.HasPrefix(id, holdText):
		return stalledLink{link, m.gate}, nil
	case m.from == pipeline.Thinker:
	case strings.HasPrefix(id, spoilFirst):
		return &spoiltLink{Link: link, at: 1}, nil
	case strings.HasPrefix(id, spoilSecond):
		return &spoiltLink{Link: link, at: 2}, nil
	case strings.HasPrefix(id, holdSound):
		return heldLink{link, m.gate}, nil
	}
	return link, nil
}

// spoiltLink puts a code that no codebook has into its at-th payload.
type spoiltLink struct {
	connector.Link
	at int
}

func (l *spoiltLink) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	p, hop, err := l.Link.Recv(ctx)
	if f, ok := p.(*engine.Frames); ok {
		if l.at--; l.at == 0 {
			codes := slices.Clone(f.Codes)
			codes[0] = 1 << 30
			p = &engine.Frames{Codes: codes, Groups: f.Groups}
		}
	}
	return p, hop, err
}

// heldLink delivers nothing before its gate opens.
type heldLink struct {
	connector.Link
	gate *gate
}

func (l heldLink) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	if err := l.gate.pass(ctx); err != nil {
		return nil, connector.Hop{}, err
	}
	return l.Link.Recv(ctx)
}

// stalledLink takes nothing before its gate opens.
type stalledLink struct {
	connector.Link
	gate *gate
}

func (l stalledLink) Send(ctx context.Context, p connector.Payload) error {
	if err := l.gate.pass(ctx); err != nil {
		return err
	}
	return l.Link.Send(ctx, p)
}

// gate is opened once.
type gate struct {
	once   sync.Once
	opened chan struct{}
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

// pass waits until the gate is open.
func (g *gate) pass(ctx context.Context) error {
	select {
	case <-g.opened:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }
