package orchestrator

import (
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

var zero = time.Unix(1000, 0)

func at(d time.Duration) time.Time { return zero.Add(d) }

// begun are the ways of a stage whose first work is there at 0.
func begun() *ways {
	return &ways{made: path{at: zero}, moved: path{at: zero}}
}

func TestOutputIsChargedToWhatItWaitedFor(t *testing.T) {
	input := path{at: at(40 * ms), parts: metrics.RequestTimes{Receive: 40 * ms}}
	for _, c := range []struct {
		name   string
		course engine.Course
		inputs inputs
		client bool
		want   path // to the output, made at 100 and taken at 103
	}{
		{"an engine that does not tell works all the time", engine.Course{}, inputs{}, false,
			path{stages: [pathStages]metrics.StageTimes{1: {Work: 100 * ms}}}},
		{"what an engine did not work it worked for others", engine.Course{Tells: true, Worked: 30 * ms}, inputs{}, false,
			path{stages: [pathStages]metrics.StageTimes{1: {Queue: 70 * ms, Work: 30 * ms}}}},
		{"an input that was waited for", engine.Course{Awaited: 1, Taken: 1, Tells: true, Worked: 30 * ms}, inputs{paths: []path{input}}, false,
			path{parts: input.parts, stages: [pathStages]metrics.StageTimes{1: {Queue: 30 * ms, Work: 30 * ms}}}},
		{"an input that came before the output before", engine.Course{Awaited: 1, Taken: 1}, inputs{paths: []path{{at: at(-ms)}}}, false,
			path{stages: [pathStages]metrics.StageTimes{1: {Work: 100 * ms}}}},
		{"no room, because of the client", engine.Course{AfterFull: 25 * ms}, inputs{}, true,
			path{parts: metrics.RequestTimes{Write: 75 * ms}, stages: [pathStages]metrics.StageTimes{1: {Work: 25 * ms}}}},
		{"no room, because of the stage behind", engine.Course{AfterFull: 25 * ms}, inputs{}, false,
			path{stages: [pathStages]metrics.StageTimes{1: {Work: 25 * ms}, 2: {Queue: 75 * ms}}}},
		{"more work than there was time", engine.Course{Tells: true, Worked: time.Hour}, inputs{}, false,
			path{stages: [pathStages]metrics.StageTimes{1: {Work: 100 * ms}}}},
		{"a course that cannot be", engine.Course{Tells: true, Worked: -time.Hour, Awaited: 9, Taken: -4}, inputs{}, false,
			path{stages: [pathStages]metrics.StageTimes{1: {Queue: 100 * ms}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begun()
			w.client = c.client
			c.course.Made = at(100 * ms)
			w.came(1, c.course, &c.inputs, at(103*ms))
			c.want.at = at(100 * ms)
			if w.made != c.want {
				t.Errorf("made: %+v, want %+v", w.made, c.want)
			}
			c.want.at, c.want.parts.Residual = at(103*ms), 3*ms
			if w.moved != c.want {
				t.Errorf("moved: %+v, want %+v", w.moved, c.want)
			}
		})
	}
}

func TestPumpThatWasHeldUpGoesOnFromThere(t *testing.T) {
	w := begun()
	w.moved = path{at: at(200 * ms), parts: metrics.RequestTimes{Write: 200 * ms}}
	w.came(0, engine.Course{Made: at(90 * ms)}, &inputs{}, at(200*ms))
	if w.made.stages[0].Work != 90*ms || w.moved.parts.Write != 200*ms || w.moved.stages[0].Work != 0 {
		t.Errorf("made %+v, moved %+v", w.made, w.moved)
	}
}

func TestInputsAreKeptUntilTheStageHasTakenThem(t *testing.T) {
	var in inputs
	for n := 1; n <= 200; n++ {
		in.add(path{at: at(time.Duration(n))})
	}
	if p := in.take(200-keptInputs, 100); p != nil {
		t.Errorf("an input that is not kept: %v", p)
	}
	if p := in.take(150, 150); p == nil || p.at != at(150) {
		t.Errorf("input 150: %v", p)
	}
	if p := in.take(150, 150); p != nil {
		t.Errorf("an input that was taken: %v", p)
	}
	if p := in.take(151, 150); p == nil || p.at != at(151) {
		t.Errorf("input 151: %v", p)
	}
}

func TestStagesThatAPathCannotTellApartAreResidual(t *testing.T) {
	p := path{at: zero}
	p.until(at(ms), p.work(pathStages))
	if p.parts.Residual != ms {
		t.Errorf("%+v", p)
	}
}

// step is what one output costs on its way from stage 1 to the client.
func (f *flight) step(now time.Time, ev Event) {
	f.mu.Lock()
	f.legs[1].inputs.add(f.entered)
	f.legs[1].choices[0].ways.came(1, engine.Course{Made: now, Awaited: 1, Taken: 1, Tells: true, Worked: ms}, &f.legs[1].inputs, now)
	f.mu.Unlock()
	f.sending(1)
	f.sent(1)
	f.legs[1].sent = f.legs[1].sent[:0]
	r := &Reply{f: f}
	f.take()
	f.offer(1, 0, ev)
	<-f.events
	f.woken()
	r.Writing()
}

func bareFlight() *flight {
	o := &Orchestrator{stages: make([]Stage, 3), now: time.Now}
	f := newFlight(o, Request{Arrived: time.Now()})
	f.legs[1].choices = make([]choice, 1)
	return f
}

func TestPathsCostNoAllocation(t *testing.T) {
	f := bareFlight()
	if n := testing.AllocsPerRun(100, func() { f.step(time.Now(), Event{}) }); n != 0 {
		t.Errorf("%v allocations an output", n)
	}
}

func BenchmarkPathOfAnOutput(b *testing.B) {
	f := bareFlight()
	b.ReportAllocs()
	for b.Loop() {
		f.step(time.Now(), Event{})
	}
}

func TestTimeAtStagesThatARequestDidNotComeToIsResidual(t *testing.T) {
	f := bareFlight()
	f.legs[1].binding = &stage.Binding{}
	f.client.path = path{stages: [pathStages]metrics.StageTimes{{Work: ms}, {Work: 2 * ms}, {Queue: 4 * ms}, 7: {Hop: 8 * ms}}}
	if p := f.whole(); p.parts.Residual != 13*ms || p.stages != [pathStages]metrics.StageTimes{1: {Work: 2 * ms}} {
		t.Errorf("%+v", p)
	}
}
