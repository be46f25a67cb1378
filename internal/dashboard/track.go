package dashboard

import (
	"slices"

	"github.com/limelight-omni/limelight/metrics"
)

// track follows one series from step to step.
//
// A counter, or a histogram's buckets, is kept as what it would read had its
// server never begun again: a value that went down has begun at 0, and what was
// there before stays in.
type track struct {
	key  key
	kind metrics.Kind
	// bounds are a histogram's; tracks with equal bounds share them.
	bounds []float64
	// raw is what the page said at the newest step. A counter or a gauge is one
	// number; a histogram is its cumulative buckets, then its count, then its sum.
	raw []float64
	// lost is what restarts took away, now and before the values without them at
	// this step and the one before. Gauges have now alone.
	lost, now, before []float64
	// marks are values of now from steps ago, in a ring; marked counts how many
	// were ever put in.
	marks  [windowMarks][]float64
	marked int
	// seen is the step at which the page last had the series.
	seen int64
	// fresh says that the page did not have the series at the step before: it has
	// begun at 0.
	fresh bool
	// joined says that so is the replica that it is of: nobody knows when it began.
	joined bool
}

// windowMarks is the number of marks: the oldest one is where the window of the
// newest values begins.
const windowMarks = 6

// tracks are all series that are followed, bounded in their number.
type tracks struct {
	byKey map[key]*track
	list  []*track // in no order
	most  int
	// left counts the series of the newest reading that there was no room for.
	left int

	step    int64 // of the newest reading; 0 before the first
	begun   float64
	renewed bool // the server began again between the newest two readings
	bounds  [][]float64
	// places are the replicas that the page had at some step before. The counters
	// of one that joins may have counted long before anybody looked.
	places map[[2]string]bool
}

func newTracks(most int) *tracks {
	return &tracks{byKey: make(map[key]*track), most: most, places: make(map[[2]string]bool)}
}

// begin starts a reading; end ends it. In between, each series is taken once.
func (ts *tracks) begin() {
	ts.step++
	ts.left = 0
	ts.renewed = false
}

// take takes a series of the reading in. Series with one key are added up.
func (ts *tracks) take(s *metrics.Series) {
	k, ok := keyOf(s)
	if !ok {
		return
	}
	t := ts.byKey[k]
	if t != nil && (t.kind != s.Kind || !slices.Equal(t.bounds, s.Bounds)) {
		if t.seen == ts.step {
			return // two children that can't be added up: the first one stands
		}
		ts.drop(t)
		t = nil
	}
	if t == nil {
		if len(ts.list) >= ts.most {
			ts.left++
			return
		}
		t = ts.add(k, s)
	}
	again := t.seen == ts.step
	if !again {
		clear(t.raw)
		t.seen = ts.step
	}
	if s.Kind != metrics.Histogram {
		t.raw[0] += s.Value
	} else {
		for i, c := range s.Counts {
			t.raw[i] += c
		}
		t.raw[len(t.bounds)] += s.Count
		t.raw[len(t.bounds)+1] += s.Sum
	}
	if k.family == processStart {
		ts.renewed = ts.begun != 0 && s.Value != ts.begun
		ts.begun = s.Value
	}
}

func (ts *tracks) add(k key, s *metrics.Series) *track {
	n := 1
	t := &track{key: k, kind: s.Kind, fresh: true, joined: ts.step == 1 || k.ofReplica() && !ts.places[k.place()]}
	if s.Kind == metrics.Histogram {
		t.bounds = ts.share(s.Bounds)
		n = len(t.bounds) + 2
	}
	t.raw, t.now = make([]float64, n), make([]float64, n)
	if s.Kind != metrics.Gauge {
		t.lost, t.before = make([]float64, n), make([]float64, n)
	}
	ts.byKey[k] = t
	ts.list = append(ts.list, t)
	return t
}

// share returns bounds that may be kept.
func (ts *tracks) share(bounds []float64) []float64 {
	for _, b := range ts.bounds {
		if slices.Equal(b, bounds) {
			return b
		}
	}
	b := slices.Clone(bounds)
	ts.bounds = append(ts.bounds, b)
	return b
}

// end ends a reading: values without restarts, and a mark if mark says so.
// Tracks that the page has not had for keep steps are dropped.
func (ts *tracks) end(mark bool, keep int64) {
	had := len(ts.list)
	for _, t := range slices.Clone(ts.list) {
		if t.fresh && t.key.ofReplica() {
			ts.places[t.key.place()] = true
		}
		if ts.step-t.seen > keep {
			ts.drop(t)
			continue
		}
		t.end(ts.step, ts.renewed)
		if mark && t.kind != metrics.Gauge {
			t.mark()
		}
	}
	if len(ts.list) == had {
		return
	}
	clear(ts.places)
	for _, t := range ts.list {
		if t.key.ofReplica() {
			ts.places[t.key.place()] = true
		}
	}
}

func (t *track) end(step int64, renewed bool) {
	if t.kind == metrics.Gauge {
		copy(t.now, t.raw)
		return
	}
	copy(t.before, t.now)
	if t.seen != step {
		return // the page has it no more: nothing is gained
	}
	// A histogram begins again as a whole, and its count is what can't go down.
	total := 0
	if t.kind == metrics.Histogram {
		total = len(t.bounds)
	}
	if t.fresh {
		t.fresh = false
		if t.joined { // what was counted before anybody looked is no gain
			copy(t.before, t.raw)
		}
	} else if renewed || t.raw[total]+t.lost[total] < t.now[total] {
		copy(t.lost, t.now)
	}
	for i := range t.now {
		t.now[i] = t.raw[i] + t.lost[i]
	}
	if t.marked == 0 { // the window begins where the track does
		t.marks[0] = slices.Clone(t.before)
		t.marked = 1
	}
}

// ofReplica says whether the series is of one replica, and place of which one.
func (k key) ofReplica() bool {
	labels := kinds[k.family]
	return len(labels) >= 2 && labels[0] == "stage" && labels[1] == "replica"
}

func (k key) place() [2]string { return [2]string{k.values[0], k.values[1]} }

func (t *track) mark() {
	m := &t.marks[t.marked%windowMarks]
	if *m == nil {
		*m = make([]float64, len(t.now))
	}
	copy(*m, t.now)
	t.marked++
}

func (ts *tracks) drop(t *track) {
	delete(ts.byKey, t.key)
	if i := slices.Index(ts.list, t); i >= 0 {
		ts.list[i] = ts.list[len(ts.list)-1]
		ts.list = ts.list[:len(ts.list)-1]
	}
}

// since returns where a span begins: at the step before, or at the oldest mark.
func (t *track) since(window bool) []float64 {
	if !window {
		return t.before
	}
	if t.marked <= windowMarks {
		return t.marks[0]
	}
	return t.marks[t.marked%windowMarks]
}
