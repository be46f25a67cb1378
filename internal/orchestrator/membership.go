package orchestrator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

// ErrUnknownStage means that the pipeline has no such stage.
var ErrUnknownStage = errors.New("pipeline has no such stage")

// FindStage returns the stage of that name, or of that id in decimal.
func (o *Orchestrator) FindStage(nameOrID string) (int, error) {
	k := slices.IndexFunc(o.stages, func(s Stage) bool { return s.Name == nameOrID })
	if k >= 0 {
		return k, nil
	}
	if id, err := strconv.Atoi(nameOrID); err == nil && id >= 0 && id < len(o.stages) {
		return id, nil
	}
	return 0, fmt.Errorf("%q: %w", nameOrID, ErrUnknownStage)
}

// AddReplica starts a further replica of a stage in this process and returns its
// id.
func (o *Orchestrator) AddReplica(k int) (int, error) {
	return o.Join(k, func(id int) engine.Engine { return o.newEngine(k, id) })
}

// Join makes an engine a further replica of a stage and returns its id. Requests
// that wait get its places at once.
func (o *Orchestrator) Join(k int, start func(id int) engine.Engine) (int, error) {
	if o.Draining() {
		return 0, ErrDraining
	}
	r, err := o.stages[k].Add(func(id int) engine.Engine {
		o.metrics.ReplicaJoined(k, id)
		return start(id)
	})
	if err != nil {
		return 0, err
	}
	return r.ID, nil
}

// RemoveReplica lets a replica of a stage go: it gets no new request, finishes
// those it has, and closes then.
func (o *Orchestrator) RemoveReplica(k, id int) error {
	return o.stages[k].Remove(id, func(err error) {
		o.metrics.ReplicaLeft(k, id)
		if err != nil {
			o.log.Error("replica left, and its engine did not close well", "stage", o.stages[k].Name, "replica", id, "error", err)
			return
		}
		o.log.Info("replica left", "stage", o.stages[k].Name, "replica", id)
	})
}

// replicas tells the state and the load of every replica at this instant.
func (o *Orchestrator) replicas(yield func(metrics.ReplicaLoad)) {
	for k, s := range o.stages {
		for _, m := range s.Members() {
			state := metrics.ReplicaState(m.State)
			if m.State == stage.Draining {
				state = metrics.ReplicaDown
			}
			yield(metrics.ReplicaLoad{Stage: k, Replica: m.ID, State: state, Requests: m.Requests, Places: s.Places()})
		}
	}
}
