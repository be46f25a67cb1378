package orchestrator

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/stage"
	"github.com/limelight-omni/limelight/metrics"
)

// eventBuffer bounds the events that wait for the client. A full buffer stalls
// the stage that produces them, for this request only.
const eventBuffer = 32

var (
	errReplyClosed   = errors.New("reply was closed")
	errAudioRejected = errors.New("audio was rejected")
)

// flight is one request's life: from admission to its one end.
type flight struct {
	o      *Orchestrator
	req    Request
	queued *list.Element // in the queue; the orchestrator's mu guards it

	admitted   time.Time
	dispatched time.Time // zero while it waits; set once, before run

	ctx    context.Context
	cancel context.CancelCauseFunc
	// silent stages are those whose work only serves the audio. They run under
	// their own context, so that a rejected codec frame ends them and not the
	// text.
	silentCtx    context.Context
	cancelSilent context.CancelCauseFunc

	events chan Event
	work   sync.WaitGroup // pumps and intakes

	timeline timeline
	silence  silence
	deadline deadline

	mu      sync.Mutex // guards the fields below
	legs    []leg
	err     error // what it failed with
	ended   engine.FinishReason
	endAt   time.Time
	frames  int64     // samples handed towards the client
	rate    int       // of those samples
	sample  time.Time // when the last of them appeared
	skip    string    // why the audio was skipped, if it was rejected
	retries int       // replicas that were replaced
	told    string    // the finish reason in a remote server\'s own word
	entered path      // to the admission
	client  client
}

// leg is one stage's part of a request.
type leg struct {
	binding *stage.Binding
	choices []choice       // one but for a request of several choices
	link    connector.Link // to the next stage
	// gathered are payloads for the next stage that wait until they are complete;
	// without async chunks only. The stage's pump alone uses it.
	gathered gathered
	tokens   int     // given out, of all choices
	seconds  float64 // of audio given out
	// firstInput is when the stage was handed its first work, lastOutput when
	// it gave its newest output.
	firstInput, lastOutput time.Time
	gave                   bool                     // anything yet
	recorder               *metrics.ReplicaRecorder // of the replica it is bound to
	inputs                 inputs
	sent                   []path // of the payloads on their way to the next stage
}

// choice is one stage's work for one choice of a request: all of them are on one
// replica, where they find the prompt's blocks, and in one place of it.
type choice struct {
	stream engine.Stream
	first  bool // of its prompt: the one that the prompt's tokens are counted for
	finish engine.FinishReason
	usage  engine.Usage
	ways   ways
}

func newFlight(o *Orchestrator, req Request) *flight {
	f := &flight{o: o, req: req, admitted: o.now(), events: make(chan Event, eventBuffer), legs: make([]leg, len(o.stages))}
	f.entered.at = req.Arrived
	f.entered.until(f.admitted, &f.entered.parts.Receive)
	f.client.path = f.entered
	f.timeline.arrived = req.Arrived
	f.timeline.streamed = req.Streamed
	f.silence.timeout = o.stageTimeout
	f.silence.waits = make([]atomic.Int32, len(o.stages))
	f.ctx, f.cancel = context.WithCancelCause(context.Background())
	f.silentCtx, f.cancelSilent = context.WithCancelCause(f.ctx)
	return f
}

// stageContext is the context that stage k works under.
func (f *flight) stageContext(k int) context.Context {
	for _, s := range f.o.stages[k : f.req.Final+1] {
		if s.Output&Text != 0 {
			return f.ctx
		}
	}
	if f.o.stages[k].Output == Transcript {
		return f.ctx
	}
	return f.silentCtx
}

// run is the request's way through the pipeline, from its dispatch until every
// stage has let go of it.
func (f *flight) run(entry *stage.Binding) {
	f.listen()
	if f.open(f.req.Entry, entry, f.o.now()) {
		for _, c := range f.legs[f.req.Entry].choices {
			c.stream.CloseSend() // the entry stage has its prompt; nothing is fed to it
		}
		f.work.Add(1)
		f.pump(f.req.Entry)
	}
	f.work.Wait()
	f.deafen()
	f.lastEvent()
	f.cancelSilent(nil)
}

// open starts stage k's streams on the replica it was bound to. It is false
// when that failed; the request has failed then.
func (f *flight) open(k int, binding *stage.Binding, at time.Time) bool {
	req := engine.Request{ID: f.req.ID, Voice: f.req.Voice, Relay: f.req.Relay, Sampling: f.req.Sampling[k], Handover: k < f.req.Final}
	prompts, n := [][]int32{nil}, 1
	if k == f.req.Entry {
		req.Entry, req.Arrived = true, f.req.Arrived
		prompts, n = append([][]int32{f.req.Tokens}, f.req.MorePrompts...), max(1, f.req.N)
	}
	f.mu.Lock()
	f.legs[k].binding = binding
	f.legs[k].recorder = f.o.metrics.Replica(k, binding.Replica.ID)
	f.legs[k].firstInput = at
	begin := f.begin(k)
	f.mu.Unlock()
	choices := make([]choice, 0, len(prompts)*n)
	for _, prompt := range prompts {
		req.Tokens = prompt
		if n > 1 {
			req.Group = engine.NewGroup(n)
		}
		for i := range n {
			req.Choice = i
			req.Sampling.Seed = f.req.Sampling[k].Seed + uint64(i) // each choice has its own random numbers
			stream, err := f.start(k, binding, req)
			if err != nil {
				letGo(choices)
				binding.Release()
				f.fail(k, err)
				return false
			}
			w := ways{made: begin, moved: begin, client: k == f.req.Final} // nobody else is behind the last stage
			choices = append(choices, choice{ways: w, stream: stream, first: i == 0, usage: engine.Usage{PromptTokens: len(prompt)}})
		}
	}
	f.mu.Lock()
	f.legs[k].choices = choices
	f.mu.Unlock()
	return true
}

// letGo ends what is left of the choices' streams. The stage holds nothing of
// them when it returns.
func letGo(choices []choice) {
	for _, c := range choices {
		c.stream.Abort()
	}
	for _, c := range choices {
		<-c.stream.Done()
	}
}

// pump moves stage k's outputs along until the stage is done with the request:
// to the client, to the next stage, or both. Whatever happens, the stage holds
// nothing of the request when pump returns.
func (f *flight) pump(k int) {
	defer f.work.Done()
	l := &f.legs[k]
	defer func() {
		if l.link != nil {
			l.link.CloseSend()
		}
		f.release(k)
	}()
	var others sync.WaitGroup
	for i := 1; i < len(l.choices); i++ {
		others.Go(func() { f.follow(k, i) })
	}
	f.follow(k, 0)
	others.Wait()
}

// follow moves the outputs of one choice along until its last one.
func (f *flight) follow(k, i int) {
	stream := f.legs[k].choices[i].stream
	for {
		f.silence.waits[k].Add(1)
		out, err := stream.Recv(f.stageContext(k))
		f.silence.waits[k].Add(-1)
		if err != nil {
			f.interrupted(k, err)
			return
		}
		usage := f.note(k, i, out)
		if err := f.deliver(k, i, out, usage); err != nil {
			f.interrupted(k, err)
			return
		}
		if out.Finish != "" {
			return
		}
	}
}

// deliver passes one output of stage k on, with the tokens of its choice so far.
func (f *flight) deliver(k, i int, out engine.Output, usage engine.Usage) error {
	gives := f.o.stages[k].Output
	if gives&Text != 0 && f.req.Text || gives == Transcript && k == f.req.Final {
		ev := Event{
			Modality: Text, Choice: i, Text: out.Text, Tokens: out.Tokens, Logprobs: out.Logprobs,
			Finish: out.Finish, StopReason: out.StopReason, Told: out.Told, More: out.More, Usage: usage,
		}
		if err := f.emit(k, i, ev); err != nil {
			return err
		}
	}
	if k < f.req.Final {
		return f.forward(k, out.Payload, out.Finish != "")
	}
	audio, ok := out.Payload.(*engine.Audio)
	if !f.audible() || !ok && out.Finish == "" {
		return nil
	}
	ev := Event{Modality: Audio, Finish: out.Finish, Usage: f.usage(f.counted())}
	if ok {
		ev.Samples, ev.Rate = audio.Samples, audio.Rate
		ev.made, ev.held = out.Course.Made, f.held(k, i, out.Course)
	}
	return f.emit(k, i, ev)
}

// counted is the stage whose tokens the client is told.
func (f *flight) counted() int {
	for k := f.req.Entry; k <= f.req.Final; k++ {
		if f.o.stages[k].Output&Text != 0 {
			return k
		}
	}
	return f.req.Entry
}

// audible says whether the request is to have sound.
func (f *flight) audible() bool {
	gives := f.o.stages[f.req.Final].Output
	return gives == Audio || gives&Audio != 0 && f.req.Audio
}

// emit gives the client an event of stage k, and waits while the client is behind.
func (f *flight) emit(k, i int, ev Event) error {
	if f.offer(k, i, ev) {
		return nil
	}
	defer f.clientBehind()()
	select {
	case f.events <- ev:
		f.caughtUp(k, i)
		return nil
	case <-f.ctx.Done():
		return context.Cause(f.ctx)
	}
}
