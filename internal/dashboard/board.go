// Package dashboard is the live page: a pipeline drawn from its metrics, the
// last 15 minutes of it in charts, and the requests that are worth a look. It
// shows the server that it is part of, or anybody's metrics page.
package dashboard

import (
	"cmp"
	"context"
	"iter"
	"strconv"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/objective"
	"github.com/limelight-omni/limelight/metrics"
)

// The history: how far it goes back, and its bounds. docs/dashboard.md says how
// many bytes they come to.
const (
	history     = 15 * time.Minute
	window      = time.Minute
	mostTracks  = 2048
	mostLines   = 256
	interval    = 2 * time.Second
	fewestSteps = 15
)

// Options configure a Board.
type Options struct {
	// Source is where the numbers come from; nil if there are none, and Off says
	// why.
	Source Source
	Off    string
	// Address is whose numbers they are, empty for the server's own.
	Address string
	// Model is what is served; empty takes it from the page.
	Model string
	// Stages are the names of the stages by id; those without go by their id.
	Stages []string
	// Goals are the objectives that the page judges by.
	Objectives []objective.Objective
	// Interval is the time between two steps; 0 is two seconds.
	Interval time.Duration
	// Requests are those worth a look; nil if nobody tells of requests.
	Requests *Requests

	now func() time.Time // the clock; tests set it
}

// Board is the live page of one pipeline. It may be used from any goroutine.
type Board struct {
	o     Options
	names names
	boot  string // tells this board's states from those of one before

	mu      sync.Mutex // guards the fields below
	tracks  *tracks
	lines   *lines
	read    time.Time // of the newest reading
	marks   [windowMarks]time.Time
	marked  int
	every   int64  // steps from mark to mark
	problem string // why the newest reading failed; empty if it did not
	model   string

	seen bool // some reading did not fail

	states   [2]document // the whole history, and its newest steps
	requests document
}

// New makes a board. Run makes it follow its source.
func New(o Options) *Board {
	o.Interval = cmp.Or(o.Interval, interval)
	if o.now == nil {
		o.now = time.Now
	}
	b := &Board{
		o: o, names: names{}, model: o.Model, boot: strconv.FormatInt(o.now().UnixNano(), 36),
		tracks: newTracks(mostTracks),
		lines:  newLines(max(fewestSteps, int((history+o.Interval-1)/o.Interval)), mostLines),
		every:  max(1, int64(window/windowMarks/o.Interval)),
	}
	for id, name := range o.Stages {
		b.names[strconv.Itoa(id)] = name
	}
	return b
}

// Run takes a step now and one each interval until ctx ends. Without a source
// it returns at once.
func (b *Board) Run(ctx context.Context) {
	if b.o.Source == nil {
		return
	}
	tick := time.NewTicker(b.o.Interval)
	defer tick.Stop()
	for {
		b.step(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// step reads the source once. A reading that fails leaves a hole in the charts,
// and what is gained until the next one is spread over the time in between.
func (b *Board) step(ctx context.Context) {
	series, err := b.o.Source.Read(ctx)
	if ctx.Err() != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.o.now()
	b.lines.next(float64(now.UnixMilli()) / 1000)
	if b.problem = ""; err != nil {
		b.problem = err.Error()
		return
	}
	took := now.Sub(b.read)
	b.take(series, now)
	if first := !b.seen; first {
		b.seen = true
		return // there is nothing to compare with
	}
	b.lines.draw(b.tracks.measure(false, max(took, time.Millisecond).Seconds()), b.names)
}

// take takes a reading in.
func (b *Board) take(series iter.Seq[*metrics.Series], now time.Time) {
	b.tracks.begin()
	for s := range series {
		if b.model == "" {
			b.model = s.Label("model_name")
		}
		b.tracks.take(s)
	}
	mark := b.tracks.step%b.every == 0
	b.tracks.end(mark, int64(len(b.lines.times)))
	b.read = now
	if b.marked == 0 {
		b.marks[0], b.marked = now, 1
	}
	if mark {
		b.marks[b.marked%windowMarks] = now
		b.marked++
	}
}

// span is how long the window of the newest values is.
func (b *Board) span() time.Duration {
	from := b.marks[0]
	if b.marked > windowMarks {
		from = b.marks[b.marked%windowMarks]
	}
	return max(b.read.Sub(from), time.Millisecond)
}
