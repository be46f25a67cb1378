package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// blocks watches the KV blocks of the autoregressive engines that one process,
// or what stands for one, starts.
type blocks struct {
	holders atomic.Int64 // requests that hold blocks

	mu   sync.Mutex // guards last
	last []ar.State // by engine: after its newest step
}

func (b *blocks) listen(int, int) ar.Listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.last)
	b.last = append(b.last, ar.State{})
	return ar.Listener{
		Admitted: func(*ar.Life) { b.holders.Add(1) },
		Ended: func(l *ar.Life, _ engine.FinishReason) {
			if !l.Scheduled.IsZero() {
				b.holders.Add(-1)
			}
		},
		Stepped: func(s *ar.Step) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.last[n] = s.State
		},
	}
}

// check is for the time when no request is left.
func (b *blocks) check(t *testing.T, who string) {
	t.Helper()
	if n := b.holders.Load(); n != 0 {
		t.Errorf("%s: %d requests hold KV blocks", who, n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all := 0
	for i, s := range b.last { // one that has no blocks makes no steps
		if all += s.Blocks; s.FreeBlocks != s.Blocks {
			t.Errorf("%s: engine %d has %d of %d KV blocks free", who, i, s.FreeBlocks, s.Blocks)
		}
	}
	if all == 0 {
		t.Errorf("%s: no engine made a step", who)
	}
}

// stagehand is a peer that is killed and started again.
type stagehand struct {
	t       *testing.T
	address string
	stages  []string
	host    *pipeline.Host // nil while it is dead
	served  chan error
	blocks  *blocks
}

func (s *stagehand) start() {
	s.t.Helper()
	s.blocks = &blocks{}
	h, err := pipeline.NewHost(pipeline.Options{MaxNumSeqs: 4, Log: slog.New(slog.DiscardHandler), Listener: s.blocks.listen}, s.stages, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(errors.Join(err, h.Close()))
	}
	s.address, s.host, s.served = listener.Addr().String(), h, make(chan error, 1)
	go func() { s.served <- h.Serve(listener) }()
}

// kill drops every connection in the middle of whatever is said over it.
func (s *stagehand) kill() {
	s.t.Helper()
	if s.host == nil {
		return
	}
	if err := errors.Join(s.host.Close(), <-s.served); err != nil {
		s.t.Error(err)
	}
	if n := s.host.Requests(); n != 0 {
		s.t.Errorf("a dead peer works for %d requests", n)
	}
	if n := s.blocks.holders.Load(); n != 0 {
		s.t.Errorf("in a dead peer %d requests hold KV blocks", n)
	}
	s.host = nil
}

// answers counts what the clients were told.
type answers struct {
	sent, natural, failed, refused, bad, vanished, unknown atomic.Int64
}

// crowd is the clients of the chaos.
type crowd struct {
	*host
	told answers
	// ended gets true for each request that was served, well or not, and false for
	// each that was refused.
	ended chan bool
	// onward wakes one of the clients that wait for others, asked all of them.
	onward, asked chan struct{}
	busy          atomic.Int64 // clients that do not wait for others
}

const (
	both  = `"modalities":["text","audio"],`
	brief = `"max_tokens":6,"sampling_params_list":[{},{"max_tokens":8},{}],`
	long  = `"max_tokens":16,"ignore_eos":true,"sampling_params_list":[{},{"max_tokens":30,"ignore_eos":true},{}],`
)

// kinds are the requests, in turn. Each returns how its reply has to be read.
var kinds = []struct {
	path, body string
	read       func(c *crowd, r *http.Response) error
}{
	{"/v1/chat/completions", `{` + brief + hello + `}`, (*crowd).whole},
	{"/v1/chat/completions", `{"stream":true,` + brief + hello + `}`, (*crowd).events},
	{"/v1/chat/completions", `{` + both + brief + hello + `}`, (*crowd).whole},
	{"/v1/chat/completions", `{"stream":true,` + both + brief + hello + `}`, (*crowd).events},
	{"/v1/chat/completions", `{"stream":true,` + both + long + hello + `}`, (*crowd).slowly},
	{"/v1/audio/speech", `{"input":"we can hear it","max_new_tokens":8}`, (*crowd).whole},
	{"/v1/audio/speech", `{"input":"we can hear it","max_new_tokens":20,"stream":true,"response_format":"pcm"}`, (*crowd).sound},
	{"/v1/chat/completions", `{"stream":true,` + both + long + hello + `}`, (*crowd).leave},
	{"/v1/chat/completions", `{` + both + long + hello + `}`, nil}, // leaves when it has asked
	{"/v1/chat/completions", `{"temperature":"hot",` + hello + `}`, (*crowd).whole},
	{"/v1/audio/speech", `{"input":"we can hear it","max_new_tokens":4,"stream":true,"response_format":"pcm"}`, (*crowd).sound},
}

// ask sends the i-th request and reads what comes. A client that is told to try
// again does so, until it is served, when somebody else was.
func (c *crowd) ask(i int) error {
	for {
		refused, err := c.try(i)
		if err != nil || !refused {
			return err
		}
		c.ended <- false
		c.wait()
	}
}

// wait returns when another client was served, or all have asked. The last one
// that does not wait has nobody to wait for.
func (c *crowd) wait() {
	defer c.busy.Add(1)
	if c.busy.Add(-1) == 0 {
		return
	}
	select {
	case <-c.onward:
	case <-c.asked:
	}
}

func (c *crowd) try(i int) (refused bool, err error) {
	c.told.sent.Add(1)
	kind := kinds[i%len(kinds)]
	ctx, leave := context.WithCancel(c.t.Context())
	defer leave()
	if kind.read == nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { leave() }})
	}
	r, err := c.post(ctx, kind.path, fmt.Sprint("chaos-", i%50), kind.body) // ids of clients are not unique
	if err != nil {
		if kind.read == nil {
			c.told.unknown.Add(1)
			return false, nil
		}
		return false, err
	}
	defer r.Body.Close()
	switch {
	case kind.read == nil:
		c.told.unknown.Add(1)
		return false, nil
	case r.StatusCode == http.StatusOK:
		return false, kind.read(c, r)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return false, err
	}
	switch {
	case r.StatusCode == http.StatusBadRequest && strings.Contains(string(data), `"param":"temperature"`):
		c.told.bad.Add(1)
	case r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
		c.told.refused.Add(1)
		return true, nil
	case r.StatusCode == http.StatusInternalServerError && (strings.Contains(string(data), " is lost: ") || strings.Contains(string(data), "no live replica")):
		c.told.failed.Add(1)
	default:
		return false, fmt.Errorf("status %d: %s", r.StatusCode, data)
	}
	return false, nil
}

func (c *crowd) whole(r *http.Response) error {
	data, err := io.ReadAll(r.Body)
	if err == nil && len(data) == 0 {
		err = errors.New("an empty reply")
	}
	c.told.natural.Add(1)
	return err
}

// events reads a stream, which has to end once: well, or with an error event.
func (c *crowd) events(r *http.Response) error {
	got, err := readStream(c.t, r.Body, nil)
	switch {
	case err != nil:
		return err
	case strings.HasSuffix(got.order, "eD") && strings.Count(got.order, "e") == 1:
		c.told.failed.Add(1)
	case strings.HasSuffix(got.order, "D") && strings.Count(got.order, "D") == 1 && !strings.Contains(got.order, "e") && len(got.finishes) == 1:
		c.told.natural.Add(1)
	default:
		return fmt.Errorf("a stream of %s with the ends %v", got.order, got.finishes)
	}
	return nil
}

// slowly reads the first byte, and the rest when another client was served.
func (c *crowd) slowly(r *http.Response) error {
	first := make([]byte, 1)
	if _, err := io.ReadFull(r.Body, first); err != nil {
		return err
	}
	c.wait()
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(first), r.Body))
	return c.events(r)
}

// sound reads a streamed speech. One that is cut off is an error's end.
func (c *crowd) sound(r *http.Response) error {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		c.told.failed.Add(1)
		return nil
	}
	c.told.natural.Add(1)
	return nil
}

// leave goes away at the first sound.
func (c *crowd) leave(r *http.Response) error {
	_, err := readStream(c.t, r.Body, func(h heard) bool { return strings.Contains(h.order, "a") })
	c.told.vanished.Add(1)
	return err
}

// TestFourHundredRequestsOverPeersThatDieAndComeBack sends every kind of request
// to a pipeline whose stages run here and at two peers, which are killed with
// work in their hands and started again, and then asks whether everything ended
// once and nothing is left.
func TestFourHundredRequestsOverPeersThatDieAndComeBack(t *testing.T) {
	before, goroutines := descriptors(), goleak.IgnoreCurrent()
	t.Run("load", chaos)
	goleak.VerifyNone(t, goroutines)
	if after := descriptors(); after > before {
		t.Errorf("%d file descriptors are open, %d were", after, before)
	}
}

// descriptors counts the open files where the system tells.
func descriptors() int {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(open)
}

func chaos(t *testing.T) {
	const n, atATime = 400, 24
	random := rand.New(rand.NewPCG(400, 2))
	peers := []*stagehand{
		{t: t, address: "127.0.0.1:0", stages: []string{"talker", "code2wav"}},
		{t: t, address: "127.0.0.1:0", stages: []string{"thinker", "talker", "code2wav"}},
	}
	here := &blocks{}
	o := pipeline.Options{MaxNumSeqs: 2, MaxQueue: 3, Replicas: map[string]int{"thinker": 1, "talker": 1}, Listener: here.listen}
	for _, p := range peers {
		p.start()
		t.Cleanup(p.kill)
		o.Peers = append(o.Peers, pipeline.Peer{Stages: p.stages, Address: p.address})
	}
	c := &crowd{host: serve(t, o), ended: make(chan bool), onward: make(chan struct{}), asked: make(chan struct{})}

	var all sync.WaitGroup
	places := make(chan struct{}, atATime)
	go func() {
		for i := range n {
			places <- struct{}{}
			c.busy.Add(1)
			all.Go(func() {
				if err := c.ask(i); err != nil {
					t.Errorf("request %d: %v", i, err)
				}
				c.busy.Add(-1)
				c.ended <- true
				<-places
			})
		}
		close(c.asked)
		all.Wait()
		close(c.ended)
	}()
	const patience = 50 // refusals after which a dead peer is missed
	kills, served, next, refusals := 0, 0, 10, 0
	for well := range c.ended {
		if well {
			served++
			select {
			case c.onward <- struct{}{}:
			default:
			}
		} else {
			refusals++
		}
		if served < next && refusals < patience {
			continue
		}
		p, other := peers[0], peers[1]
		if random.IntN(2) == 0 {
			p, other = other, p
		}
		if p.host != nil && other.host == nil && (refusals >= patience || random.IntN(4) > 0) {
			p = other // both are dead at times, and not most of the time
		}
		switch {
		case p.host == nil:
			p.start()
		case served >= next && p.host.Requests() > 0:
			p.kill()
			kills++
		default:
			continue // it has nothing to lose: a later request decides
		}
		next, refusals = served+1+random.IntN(12), 0
	}
	for _, p := range peers {
		if p.host == nil {
			p.start()
		}
	}
	c.idle() // clients that left are gone when their handlers are
	c.heal()
	if kills < 5 {
		t.Errorf("%d kills are no chaos", kills)
	}
	if err := c.pipeline.Orchestrator.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.audit()
	here.check(t, "here")
	for i, p := range peers {
		p.blocks.check(t, fmt.Sprint("peer ", i))
		if n := p.host.Requests(); n != 0 {
			t.Errorf("peer %d works for %d requests", i, n)
		}
	}
	for _, s := range c.pipeline.Orchestrator.Stages() {
		for replica, load := range s.Load() {
			if load != 0 {
				t.Errorf("stage %s: replica %d is bound to %d requests", s.Name, replica, load)
			}
		}
	}
}

// heal waits until every replica is back, and has each of them work again.
func (c *crowd) heal() {
	for down := true; down; {
		down = false
		for series, v := range c.page() {
			down = down || v == 1 && strings.HasPrefix(series, "limelight_replica_state") && strings.Contains(series, `"down"`)
		}
	}
	const n, atATime = 12, 4
	for range n / atATime {
		var all sync.WaitGroup
		for range atATime {
			all.Go(func() {
				c.told.sent.Add(1)
				r, err := c.post(c.t.Context(), "/v1/chat/completions", "", `{`+both+brief+hello+`}`)
				if err := drain(r, err, http.StatusOK); err != nil {
					c.t.Errorf("after the chaos: %v", err)
				}
				c.told.natural.Add(1)
			})
		}
		all.Wait()
	}
}

// audit holds the page against what the clients were told.
func (c *crowd) audit() {
	t, sent := c.t, c.told.sent.Load()
	for _, f := range c.findings() {
		t.Errorf("check: %+v", f)
	}
	page := c.page()
	sum := func(family string, parts ...string) (sum int64) {
		for series, v := range page {
			if name, _, _ := strings.Cut(series, "{"); name != family {
				continue
			}
			for _, part := range parts {
				if strings.Contains(series, part) {
					sum += int64(v)
				}
			}
		}
		return sum
	}
	const success, refused = "vllm:omni_requests_success_total", "limelight_requests_refused_total"
	told := &c.told
	between := func(what string, got, least, most int64) {
		t.Helper()
		if got < least || got > most {
			t.Errorf("%s: %d, want %d to %d", what, got, least, most)
		}
	}
	natural, failed, aborted := sum(success, `"stop"`, `"length"`, `"repetition"`), sum(success, `"error"`), sum(success, `"abort"`)
	busy := sum(refused, `"queue_full"`, `"no_replica"`)
	left := told.vanished.Load() + told.unknown.Load() // whose clients do not know the end
	between("natural ends", natural, told.natural.Load(), told.natural.Load()+left)
	between("errors", failed, told.failed.Load(), told.failed.Load()+left)
	between("aborts", aborted, 1, left)
	between("refusals of a busy server", busy, told.refused.Load(), told.refused.Load()+told.unknown.Load())
	between("bad requests", sum(refused, `"bad_request"`), told.bad.Load(), told.bad.Load())
	between("everything that was sent", natural+failed+aborted+busy+told.bad.Load(), sent-told.unknown.Load(), sent)
	between("failures of stages", sum("limelight_stage_failures_total", ""), failed, failed)
	between("failures of lost peers", sum("limelight_stage_failures_total", `"lost"`), 1, failed)
	between("requests refused for a full queue", sum(refused, `"queue_full"`), 1, sent)
	between("requests running or waiting", sum("vllm:omni_num_requests_running", "")+sum("vllm:omni_num_requests_waiting", ""), 0, 0)
	hops := sum("vllm:omni_transfer_size_bytes_count", "")
	for _, part := range []string{"tx", "in_flight", "rx"} {
		between("hops with a time "+part, sum("vllm:omni_transfer_"+part+"_s_count", ""), hops, hops)
	}
	for _, edge := range []string{ // each replica sent and took
		`from_replica="0",from_stage="0"`, `from_replica="1",from_stage="0"`,
		`to_replica="0",to_stage="1"`, `to_replica="1",to_stage="1"`, `to_replica="2",to_stage="1"`,
		`from_replica="0",from_stage="1"`, `from_replica="1",from_stage="1"`, `from_replica="2",from_stage="1"`,
		`to_replica="0",to_stage="2"`, `to_replica="1",to_stage="2"`,
	} {
		between("hops over {"+edge+"}", sum("vllm:omni_transfer_size_bytes_count", edge), 1, hops)
	}
	t.Logf("%d sent: %d natural, %d errors, %d aborts, %d refused for load, %d bad; %d hops", sent, natural, failed, aborted, busy, told.bad.Load(), hops)
}
