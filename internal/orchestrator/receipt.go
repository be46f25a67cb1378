package orchestrator

import (
	"time"

	"github.com/limelight-omni/limelight/metrics"
)

// Receipt says where the time of a request went, along the path that led to its
// last byte. The parts add up to Total.
type Receipt struct {
	// Total is the time since the arrival.
	Total time.Duration
	// Request holds the parts that are no stage's.
	Request metrics.RequestTimes
	// Stages are those that the request came to, in their order.
	Stages []StageReceipt
}

// StageReceipt is one stage's part of a Receipt.
type StageReceipt struct {
	Name    string
	Replica int
	metrics.StageTimes
}

// Writing reports that the server has made bytes of what it read and begins to
// hand them to the client's writer. They are written when it reads on or
// finishes.
func (r *Reply) Writing() {
	f := r.f
	now := f.o.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.client.done(now)
	f.client.writing = true
}

// Receipt returns the receipt so far, or that of the whole request once it has
// ended naturally.
func (r *Reply) Receipt() Receipt {
	f := r.f
	now := f.o.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended == "" {
		writing := f.client.writing
		f.client.done(now)
		f.client.writing = writing
	}
	return f.receipt()
}

// receipt is the receipt so far. The caller holds mu.
func (f *flight) receipt() Receipt {
	p := f.whole()
	receipt := Receipt{Total: p.at.Sub(f.req.Arrived), Request: p.parts}
	for k := range f.legs {
		if l := &f.legs[k]; l.binding != nil && k < pathStages {
			receipt.Stages = append(receipt.Stages, StageReceipt{Name: f.o.stages[k].Name, Replica: l.binding.Replica.ID, StageTimes: p.stages[k]})
		}
	}
	return receipt
}

// whole is the path to the newest write. What it has of stages that the request
// did not come to is residual: nobody would look for it there. The caller holds mu.
func (f *flight) whole() path {
	p := f.client.path
	for k := range p.stages {
		t := &p.stages[k]
		switch {
		case k >= len(f.legs) || f.legs[k].binding == nil:
			p.parts.Residual += t.Hop + t.Queue + t.Work
			*t = metrics.StageTimes{}
		case k == f.req.Entry:
			p.parts.Residual += t.Hop
			t.Hop = 0
		}
	}
	return p
}

// recordPath observes where the time of a request went that ended naturally.
func (f *flight) recordPath() {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.whole()
	f.o.attribution.Spent(p.parts)
	for k := range f.legs {
		if l := &f.legs[k]; l.binding != nil && k < pathStages {
			l.recorder.Spent(p.stages[k], k == f.req.Entry)
		}
	}
}
