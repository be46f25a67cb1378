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
	holdSound   = "hold-sound-"  // code2wav gets nothing before the gate opens
	holdText    = "hold-text-"   // the thinker gets rid of nothing before it does
	holdSecond  = "hold-second-" // code2wav gets one payload before the other gate opens
	mute        = "mute-"        // code2wav gives sound that cannot be heard
)

// meddler is a connector from stage from to the next one that makes chosen
// requests fail or wait.
type meddler struct {
	connector.Connector
	from         int
	gate, second *gate
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
		return &heldLink{Link: link, gate: m.gate}, nil
	case strings.HasPrefix(id, holdSecond):
		return &heldLink{Link: link, gate: m.second, before: 1}, nil
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

// heldLink delivers before payloads and no more until its gate opens.
type heldLink struct {
	connector.Link
	gate   *gate
	before int
}

func (l *heldLink) Recv(ctx context.Context) (connector.Payload, connector.Hop, error) {
	if l.before--; l.before >= 0 {
		return l.Link.Recv(ctx)
	}
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

// muter is a code2wav that makes chosen requests silent.
type muter struct{ engine.Engine }

// Start implements engine.Engine.
func (m muter) Start(req engine.Request) (engine.Stream, error) {
	stream, err := m.Engine.Start(req)
	if err == nil && strings.HasPrefix(req.ID, mute) {
		stream = mutedStream{stream}
	}
	return stream, err
}

type mutedStream struct{ engine.Stream }

func (s mutedStream) Recv(ctx context.Context) (engine.Output, error) {
	out, err := s.Stream.Recv(ctx)
	if sound, ok := out.Payload.(*engine.Audio); ok {
		out.Payload = &engine.Audio{Samples: make([]float32, len(sound.Samples)), Rate: sound.Rate}
	}
	return out, err
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
