package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Part is what an instant of a request's life went by with.
type Part string

// The closed sets of parts: those of the request itself, and those of its stages.
const (
	// PartReceive: from the arrival to the admission; reading the body, checking
	// it and making the prompt.
	PartReceive Part = "receive"
	// PartAdmission: in the orchestrator's queue.
	PartAdmission Part = "admission"
	// PartEncode: making the bytes of the answer.
	PartEncode Part = "encode"
	// PartWrite: handing them to the client.
	PartWrite Part = "write"
	// PartHop: on the way to the stage.
	PartHop Part = "hop"
	// PartQueue: at the stage, which works for others, has no room or no turn.
	PartQueue Part = "queue"
	// PartWork: the stage works for the request.
	PartWork Part = "work"
)

var (
	requestParts = []Part{PartReceive, PartAdmission, PartEncode, PartWrite}
	stageParts   = []Part{PartHop, PartQueue, PartWork}
)

// RequestTimes is where the time of a request went outside its stages.
type RequestTimes struct {
	Receive, Admission, Encode, Write time.Duration
	// Residual is what no event explains.
	Residual time.Duration
}

// StageTimes is where the time of a request went at one stage.
type StageTimes struct{ Hop, Queue, Work time.Duration }

// AttributionRecorder records where the time of requests went.
type AttributionRecorder struct {
	receive, admission, encode, write, residual prometheus.Observer
}

// ReplicaRecorder records the time that requests spent at one replica.
type ReplicaRecorder struct {
	hop, queue, work, firstOutput prometheus.Observer
}

type replicaVecs struct{ parts, firstOutput *prometheus.HistogramVec }

func newAttributionRecorder(m *Metrics) *AttributionRecorder {
	parts := m.histogram(requestPart)
	of := func(p Part) prometheus.Observer { return parts.WithLabelValues(string(p)) }
	return &AttributionRecorder{
		receive: of(PartReceive), admission: of(PartAdmission), encode: of(PartEncode), write: of(PartWrite),
		residual: m.histogram(requestResidual).WithLabelValues(),
	}
}

func newReplicaVecs(m *Metrics) *replicaVecs {
	return &replicaVecs{parts: m.histogram(stagePart), firstOutput: m.histogram(stageFirstOutput)}
}

func (v *replicaVecs) bind(r replica) *ReplicaRecorder {
	stage, id := decimal(r.stage), decimal(r.id)
	of := func(p Part) prometheus.Observer { return v.parts.WithLabelValues(stage, id, string(p)) }
	return &ReplicaRecorder{hop: of(PartHop), queue: of(PartQueue), work: of(PartWork), firstOutput: v.firstOutput.WithLabelValues(stage, id)}
}

// Attribution returns the recorder of where the time of requests went.
func (m *Metrics) Attribution() *AttributionRecorder {
	if m == nil {
		return nil
	}
	return m.attribution
}

// Replica returns the recorder of a replica. The same labels give the same
// recorder. It is nil when the replica's series have left the page.
func (m *Metrics) Replica(stage, id int) *ReplicaRecorder {
	if m == nil || m.places == nil {
		return nil
	}
	r := replica{stage, id}
	return once(m, m.times, r, m.places.bind, r)
}

// Spent records the parts of a request that ended naturally. With those of its
// replicas they add up to its end-to-end time.
func (a *AttributionRecorder) Spent(t RequestTimes) {
	if a == nil {
		return
	}
	a.receive.Observe(t.Receive.Seconds())
	a.admission.Observe(t.Admission.Seconds())
	a.encode.Observe(t.Encode.Seconds())
	a.write.Observe(t.Write.Seconds())
	a.residual.Observe(t.Residual.Seconds())
}

// Spent records the parts of a request that ended naturally and that the replica
// worked for; entry says that the request began there, so that no hop led to it.
func (r *ReplicaRecorder) Spent(t StageTimes, entry bool) {
	if r == nil {
		return
	}
	if !entry {
		r.hop.Observe(t.Hop.Seconds())
	}
	r.queue.Observe(t.Queue.Seconds())
	r.work.Observe(t.Work.Seconds())
}

// FirstOutput records the time from a request's first work at the replica to the
// first thing that the replica gave for it.
func (r *ReplicaRecorder) FirstOutput(d time.Duration) {
	if r == nil {
		return
	}
	r.firstOutput.Observe(max(0, d).Seconds())
}
