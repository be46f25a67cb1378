package pipeline

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/orchestrator"
	"github.com/limelight-omni/limelight/internal/peer"
)

// Peer is another process, a Host, that runs stages for this one.
type Peer struct {
	// Stages are the names of the stages to use there.
	Stages []string
	// Address is its host and port.
	Address string
}

// TLSFiles are the PEM files of one side of a connection between processes.
type TLSFiles = peer.TLSFiles

// joined is a peer that was reached.
type joined struct {
	*peer.Peer
	places []place
}

// place is a peer's replica of a stage as the pool of that stage has it.
type place struct {
	stage, id int // in this pipeline
	replica   int // at the peer
}

// join reaches the peers.
func (o Options) join(front *Frontend) ([]*joined, error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.PeerTimeout)
	defer cancel()
	var secured *tls.Config
	if o.PeerTLS != nil {
		var err error
		if secured, err = o.PeerTLS.Client(); err != nil {
			return nil, fmt.Errorf("peers: %w", err)
		}
	}
	var peers []*joined
	for _, p := range o.Peers {
		reached, err := peer.Connect(ctx, peer.Options{
			Address: p.Address, Stages: p.Stages, Model: front.name, Fingerprint: front.model.Fingerprint(),
			TLS: secured, Log: o.Log,
		})
		if err != nil {
			return nil, errors.Join(err, leave(peers))
		}
		j := &joined{Peer: reached}
		for _, name := range p.Stages {
			k, err := stageIndex(name)
			if err != nil {
				return nil, errors.Join(err, reached.Close(), leave(peers))
			}
			for replica := range reached.Replicas(name) {
				j.places = append(j.places, place{stage: k, replica: replica})
			}
		}
		if len(j.places) == 0 {
			return nil, errors.Join(fmt.Errorf("peer %s: it was lost while the pipeline was built", p.Address), reached.Close(), leave(peers))
		}
		peers = append(peers, j)
	}
	return peers, nil
}

// number gives the peer's replicas the next ids of their stages, of which there
// are n[k] so far.
func (j *joined) number(n []int) {
	for i := range j.places {
		p := &j.places[i]
		p.id = n[p.stage]
		n[p.stage]++
	}
}

// engines are the peer's replicas of stage k, in the order of their ids. One
// that is closed takes its page along.
func (j *joined) engines(k int, pages *peerPages) []engine.Engine {
	var engines []engine.Engine
	for _, p := range j.places {
		if p.stage == k {
			engines = append(engines, paged{j.Engine(stageNames[k], p.replica), func() { pages.forget(p) }})
		}
	}
	return engines
}

// watch keeps the pools told of whether the peer's replicas are well. A peer may
// come back with fewer of them, or with other metrics.
func (j *joined) watch(stages []orchestrator.Stage, pages *peerPages) {
	j.OnChange(func(up bool) {
		if up {
			pages.look(j)
		}
		for _, p := range j.places {
			stages[p.stage].SetUp(p.id, up && p.replica < j.Replicas(stageNames[p.stage]))
		}
	})
}

// leave closes the connections to peers.
func leave(peers []*joined) error {
	var errs []error
	for _, j := range peers {
		errs = append(errs, j.Close())
	}
	return errors.Join(errs...)
}
