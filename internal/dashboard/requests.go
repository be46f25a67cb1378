package dashboard

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/metrics"
)

// mostStages is the number of stages that a Request tells apart.
const mostStages = 8

// Request is a request that has ended. It holds nothing of what was said.
type Request struct {
	ID       string
	Ended    time.Time
	Route    string
	Streamed bool
	Reason   string
	// Failed is the stage that failed, and Cause why; empty if none did.
	Failed, Cause string
	FailedReplica int
	E2E           time.Duration
	// TTFP is the time to the first packet of a stream, 0 if there was none.
	TTFP time.Duration
	// Audio is how long the sound is, Made the time that it took to make, and
	// Underrun the player's worst lag.
	Audio, Made, Underrun time.Duration
	// Parts and the first N of Stages are its receipt.
	Parts  metrics.RequestTimes
	Stages [mostStages]StagePart
	N      int
}

// StagePart is a stage's part of a Request.
type StagePart struct {
	Name    string
	Replica int
	metrics.StageTimes
}

// Requests keeps the requests worth a look: the slowest of the last 15 minutes,
// and failures. Each kind has room of its own, so that no flood of one pushes
// another one out: errors, aborts and slow requests. A request that is neither
// slow nor failed is not copied. It may be used from any goroutine; the zero
// value is ready.
type Requests struct {
	mu      sync.Mutex
	version int64 // of what is kept
	errors  ring
	aborts  ring
	slowest [mostSlow]Request
	kept    int           // of slowest
	floor   time.Duration // the quickest of slowest
	oldest  time.Time     // of slowest
}

// How many are kept of each kind.
const (
	mostErrors = 64
	mostAborts = 32
	mostSlow   = 32
)

// ring keeps the newest requests.
type ring struct {
	requests [mostErrors]Request
	put      int // how many were ever put in
}

func (r *ring) add(q *Request, most int) {
	r.requests[r.put%most] = *q
	r.put++
}

func (r *ring) newest(most int) []Request {
	var list []Request
	for i := r.put - 1; i >= max(0, r.put-most); i-- {
		list = append(list, r.requests[i%most])
	}
	return list
}

// Wants says whether a request that ends now is worth a look, so that nobody
// describes one that is not. It is false for a nil Requests.
func (rs *Requests) Wants(reason string, e2e time.Duration, now time.Time) bool {
	if rs == nil {
		return false
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return failed(reason) || rs.slow(e2e, now)
}

// failed says whether an end is none of a whole reply.
func failed(reason string) bool { return reason == "error" || reason == "abort" }

// slow says whether a request is one of the slowest. The caller holds mu.
func (rs *Requests) slow(e2e time.Duration, now time.Time) bool {
	return rs.kept < mostSlow || e2e > rs.floor || now.Sub(rs.oldest) > history
}

// Ended takes a request in. A nil Requests keeps nothing.
func (rs *Requests) Ended(q *Request) {
	if rs == nil {
		return
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	switch {
	case q.Reason == "error":
		rs.errors.add(q, mostErrors)
	case q.Reason == "abort":
		rs.aborts.add(q, mostAborts)
	case !rs.slow(q.E2E, q.Ended):
		return
	case rs.kept < mostSlow:
		rs.slowest[rs.kept] = *q
		rs.kept++
		rs.settle()
	default:
		rs.slowest[rs.leaves(q.Ended)] = *q
		rs.settle()
	}
	rs.version++
}

// leaves is the place of the one that makes room: one that is too old to be
// recent, or else the quickest.
func (rs *Requests) leaves(now time.Time) int {
	quickest := 0
	for i := range rs.slowest {
		if now.Sub(rs.slowest[i].Ended) > history {
			return i
		}
		if rs.slowest[i].E2E < rs.slowest[quickest].E2E {
			quickest = i
		}
	}
	return quickest
}

func (rs *Requests) settle() {
	rs.floor, rs.oldest = rs.slowest[0].E2E, rs.slowest[0].Ended
	for i := range rs.slowest[:rs.kept] {
		rs.floor = min(rs.floor, rs.slowest[i].E2E)
		if rs.slowest[i].Ended.Before(rs.oldest) {
			rs.oldest = rs.slowest[i].Ended
		}
	}
}

// recent lists the slow requests of the last 15 minutes, the slowest first.
func (rs *Requests) recent(now time.Time) []Request {
	rs.mu.Lock()
	list := slices.Clone(rs.slowest[:rs.kept])
	rs.mu.Unlock()
	list = slices.DeleteFunc(list, func(q Request) bool { return now.Sub(q.Ended) > history })
	slices.SortFunc(list, func(a, b Request) int { return cmp.Compare(b.E2E, a.E2E) })
	return list
}

// failures lists those that failed, the newest first.
func (rs *Requests) failures() []Request {
	rs.mu.Lock()
	list := append(rs.errors.newest(mostErrors), rs.aborts.newest(mostAborts)...)
	rs.mu.Unlock()
	slices.SortStableFunc(list, func(a, b Request) int { return b.Ended.Compare(a.Ended) })
	return list
}

// changed tells states of what is kept apart.
func (rs *Requests) changed() int64 {
	if rs == nil {
		return 0
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.version
}

// requestBody is a Request in JSON. Times are in seconds.
type requestBody struct {
	ID       string     `json:"id"`
	Ended    float64    `json:"ended"`
	Route    string     `json:"route"`
	Streamed bool       `json:"streamed"`
	Reason   string     `json:"reason"`
	Failed   string     `json:"failed,omitempty"`
	Replica  *int       `json:"failed_replica,omitempty"`
	Cause    string     `json:"cause,omitempty"`
	CauseIs  string     `json:"cause_text,omitempty"`
	E2E      float64    `json:"e2e"`
	TTFP     *float64   `json:"ttfp"`
	Audio    *float64   `json:"audio"`
	RTF      *float64   `json:"rtf"`
	Underrun *float64   `json:"underrun"`
	Parts    []partBody `json:"parts"`
}

type partBody struct {
	Part    string  `json:"part"`
	Stage   string  `json:"stage,omitempty"`
	Replica *int    `json:"replica,omitempty"`
	Seconds float64 `json:"seconds"`
}

// requestsBody is what the page gets of them.
type requestsBody struct {
	Slow   []requestBody `json:"slow"`
	Failed []requestBody `json:"failed"`
}

func (rs *Requests) body(now time.Time) requestsBody {
	b := requestsBody{Slow: []requestBody{}, Failed: []requestBody{}}
	if rs == nil {
		return b
	}
	for _, q := range rs.recent(now) {
		b.Slow = append(b.Slow, q.body())
	}
	for _, q := range rs.failures() {
		b.Failed = append(b.Failed, q.body())
	}
	return b
}

func (q *Request) body() requestBody {
	b := requestBody{
		ID: q.ID, Ended: float64(q.Ended.UnixMilli()) / 1000, Route: q.Route, Streamed: q.Streamed, Reason: q.Reason,
		Failed: q.Failed, Cause: q.Cause, E2E: rounded(q.E2E.Seconds()),
	}
	if q.Failed != "" {
		b.Replica = &q.FailedReplica
	}
	if q.Cause != "" {
		b.CauseIs = causeText(q.Cause)
	}
	if q.TTFP > 0 {
		b.TTFP = finite(q.TTFP.Seconds())
		b.Underrun = finite(q.Underrun.Seconds())
	}
	if q.Audio > 0 {
		b.Audio = finite(q.Audio.Seconds())
		b.RTF = finite(q.Made.Seconds() / q.Audio.Seconds())
	}
	add := func(stage string, replica *int, part string, d time.Duration) {
		if d > 0 {
			b.Parts = append(b.Parts, partBody{part, stage, replica, rounded(d.Seconds())})
		}
	}
	add("", nil, "receive", q.Parts.Receive)
	add("", nil, "admission", q.Parts.Admission)
	for i := range q.Stages[:q.N] {
		s := &q.Stages[i]
		add(s.Name, &s.Replica, "hop", s.Hop)
		add(s.Name, &s.Replica, "queue", s.Queue)
		add(s.Name, &s.Replica, "work", s.Work)
	}
	add("", nil, "encode", q.Parts.Encode)
	add("", nil, "write", q.Parts.Write)
	add("", nil, "residual", q.Parts.Residual)
	return b
}
