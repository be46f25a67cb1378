package orchestrator

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/enginetest"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type turn = enginetest.Turn

var errBroken = errors.New("broken on purpose")

func rows(n int) *engine.Embeddings { return &engine.Embeddings{Text: make([]float32, 8*n), Width: 8} }
func frames(n int) *engine.Frames   { return &engine.Frames{Codes: make([]int32, 16*n), Groups: 16} }
func sound(n int) *engine.Audio     { return &engine.Audio{Samples: make([]float32, n), Rate: 24000} }

// say gives n tokens, one an output, each with a row for the next stage.
func say(n int, reason engine.FinishReason) func(*turn, engine.Request) {
	return func(t *turn, req engine.Request) {
		for i := range n {
			out := engine.Output{Text: "x", Tokens: []int32{int32(i)}}
			if req.Handover {
				out.Payload = rows(1)
			}
			if i == n-1 {
				out.Finish = reason
				out.Usage = engine.Usage{PromptTokens: len(req.Tokens), CompletionTokens: n}
			}
			if !t.Give(out) {
				return
			}
		}
	}
}

// speak makes one hop of four frames for each payload, and stops with reason
// after most of them.
func speak(most int, reason engine.FinishReason) func(*turn, engine.Request) {
	return func(t *turn, req engine.Request) {
		n := len(req.Tokens)
		for range most {
			if req.Tokens == nil {
				if _, ok := t.Next(); !ok {
					break
				}
				n++
			}
			if !t.Give(engine.Output{Payload: frames(4)}) {
				return
			}
		}
		if req.Tokens == nil && n < most {
			reason = engine.FinishStop
		}
		t.Give(engine.Output{Finish: reason})
	}
}

// decode makes 480 samples of each payload.
func decode(t *turn, _ engine.Request) {
	for {
		if _, ok := t.Next(); !ok {
			t.Give(engine.Output{Finish: engine.FinishStop})
			return
		}
		if !t.Give(engine.Output{Payload: sound(480)}) {
			return
		}
	}
}

type script = func(*turn, engine.Request)

// house is a three-stage pipeline of scripted engines.
type house struct {
	*Orchestrator
	metrics *metrics.Metrics
	engines []*enginetest.Scripted
}

type layout struct {
	thinker, talker, code2wav script
	places                    int // of each replica; 0 means 8
	maxQueue                  int
	talkers                   int // replicas of the talker; 0 means 1
	stageTimeout              time.Duration
	requestTimeout            time.Duration
	gather                    bool
	wrap                      func(connector.Connector) connector.Connector
	engine                    func(engine.Engine) engine.Engine
}

func (l layout) wrapped() connector.Connector {
	c := connector.NewInProcess(2)
	if l.wrap == nil {
		return c
	}
	return l.wrap(c)
}

func newHouse(t *testing.T, l layout) *house {
	t.Helper()
	h := &house{}
	if l.places == 0 {
		l.places = 8
	}
	l.talkers = max(1, l.talkers)
	pool := func(id int, name string, n int, s script) *stage.Pool {
		var engines []engine.Engine
		for range n {
			e := &enginetest.Scripted{Script: s}
			h.engines = append(h.engines, e)
			if l.engine != nil {
				engines = append(engines, l.engine(e))
				continue
			}
			engines = append(engines, e)
		}
		return stage.NewPool(id, name, l.places, nil, engines...)
	}
	h.metrics = metrics.New(metrics.Options{ModelName: "scripted", LogStats: true, Deadlines: l.requestTimeout > 0, Stages: []metrics.StageInfo{
		{ID: 0, Replicas: 1, AR: true}, {ID: 1, Replicas: l.talkers, AR: true}, {ID: 2, Replicas: 1, Audio: true},
	}})
	h.Orchestrator = New(Options{
		Stages: []Stage{
			{Pool: pool(0, "thinker", 1, l.thinker), Output: Text},
			{Pool: pool(1, "talker", l.talkers, l.talker)},
			{Pool: pool(2, "code2wav", 1, l.code2wav), Output: Audio},
		},
		Connectors: []connector.Connector{l.wrapped(), l.wrapped()},
		MaxQueue:   l.maxQueue, StageTimeout: l.stageTimeout, RequestTimeout: l.requestTimeout, Gather: l.gather,
		Metrics: h.metrics,
	})
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		for i, s := range h.Stages() {
			for replica, load := range s.Load() {
				if load != 0 {
					t.Errorf("stage %d replica %d still holds %d requests", i, replica, load)
				}
			}
		}
	})
	return h
}

func (h *house) submit(t *testing.T, final int, change ...func(*Request)) *Reply {
	t.Helper()
	req := Request{ID: "r", Arrived: h.now(), Final: final, Text: true, Streamed: true, Tokens: []int32{1, 2, 3}, Sampling: make([]engine.Sampling, 3)}
	for _, c := range change {
		c(&req)
	}
	r, err := h.Submit(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// listen reads a reply to its end as a server does: it reports the audio it
// writes, and finishes.
func listen(t *testing.T, r *Reply) (text string, samples int, err error) {
	t.Helper()
	defer r.Close()
	for {
		ev, err := r.Next(t.Context())
		if err != nil {
			if isEnd(err) {
				r.Finish()
				err = nil
			}
			return text, samples, err
		}
		text += ev.Text
		samples += len(ev.Samples)
		r.AudioWritten(len(ev.Samples), ev.Rate)
	}
}
