package orchestrator

import "container/list"

// queue holds the admitted requests that wait for a place: one bound for all,
// first in first out among those that start at the same stage. The
// orchestrator's mu guards it.
type queue struct {
	byEntry []list.List // of *flight
	n, most int
}

func newQueue(stages, most int) *queue {
	return &queue{byEntry: make([]list.List, stages), most: most}
}

func (q *queue) len() int { return q.n }

// push appends a request; it is false when the queue is full.
func (q *queue) push(f *flight) bool {
	if q.n >= q.most {
		return false
	}
	f.queued = q.byEntry[f.req.Entry].PushBack(f)
	q.n++
	return true
}

// waiting is the number of requests that wait for a place at the stage.
func (q *queue) waiting(stage int) int { return q.byEntry[stage].Len() }

// first is the request that has waited longest for the stage.
func (q *queue) first(stage int) *flight { return q.byEntry[stage].Front().Value.(*flight) }

// all lists the requests that wait for the stage.
func (q *queue) all(stage int) (flights []*flight) {
	for e := q.byEntry[stage].Front(); e != nil; e = e.Next() {
		flights = append(flights, e.Value.(*flight))
	}
	return flights
}

// pop takes the request that has waited longest for the stage.
func (q *queue) pop(stage int) *flight {
	f := q.first(stage)
	q.remove(f)
	return f
}

// remove takes the request out, wherever it stands; it is false when the
// request isn't in the queue.
func (q *queue) remove(f *flight) bool {
	if f.queued == nil {
		return false
	}
	q.byEntry[f.req.Entry].Remove(f.queued)
	f.queued = nil
	q.n--
	return true
}
