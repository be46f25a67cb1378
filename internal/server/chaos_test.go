package server

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/pipeline"
)

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
