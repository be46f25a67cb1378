package orchestrator

import (
	"fmt"
	"time"

	"github.com/limelight-omni/limelight/internal/stage"
)

// watchOutage keeps an eye on requests that wait for a stage none of whose
// replicas is up: nobody would end them if none came back. They get the stage
// timeout, as requests have whose stage gives nothing; new ones are refused
// meanwhile. The caller holds mu.
func (o *Orchestrator) watchOutage(k int) {
	if o.stageTimeout <= 0 {
		return
	}
	out := o.queue.waiting(k) > 0 && o.stages[k].Available() != nil
	switch timer := o.outages[k]; {
	case out && timer == nil:
		o.outages[k] = time.AfterFunc(o.stageTimeout, func() { o.giveUp(k) })
	case !out && timer != nil:
		timer.Stop()
		o.outages[k] = nil
	}
}

// giveUp ends the requests that wait for a stage which has had no replica for
// the whole timeout, as failures of that stage.
func (o *Orchestrator) giveUp(k int) {
	o.mu.Lock()
	var waiting []*flight
	if o.outages[k] != nil && o.stages[k].Available() != nil {
		waiting = o.queue.all(k)
	}
	o.outages[k] = nil
	o.mu.Unlock()
	for _, f := range waiting {
		f.fail(k, fmt.Errorf("%w: none came back within %v", stage.ErrNoReplica, o.stageTimeout))
	}
}
