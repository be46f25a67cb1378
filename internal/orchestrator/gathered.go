package orchestrator

import (
	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
)

// gathered are payloads that wait to be handed over together.
type gathered struct {
	payloads []engine.Payload
	behind   connector.Hop // what those from another process have behind them, together
}

// add keeps a payload; nil is none.
func (g *gathered) add(p engine.Payload) {
	if p == nil {
		return
	}
	bare, behind := connector.Unpack(p)
	g.payloads = append(g.payloads, bare.(engine.Payload))
	g.behind = g.behind.After(behind)
}

// join returns one payload of all, nil of none, and keeps nothing.
func (g *gathered) join() (engine.Payload, error) {
	whole, err := engine.Join(g.payloads)
	if err != nil || whole == nil {
		return nil, err
	}
	if g.behind != (connector.Hop{}) {
		whole = connector.Carried{Payload: whole, Hop: g.behind}
	}
	*g = gathered{}
	return whole, nil
}
