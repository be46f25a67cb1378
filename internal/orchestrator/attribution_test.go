package orchestrator

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/metrics"
)

// These tests run on a clock of their own: time passes only while everybody
// waits, so that what a request is charged is known to the nanosecond.

const ms = time.Millisecond

// sum adds up the parts of a receipt.
func (r Receipt) sum() time.Duration {
	q := r.Request
	sum := q.Receive + q.Admission + q.Encode + q.Write + q.Residual
	for _, s := range r.Stages {
		sum += s.Hop + s.Queue + s.Work
	}
	return sum
}

// adds asks that a receipt adds up, and that next to nothing is unexplained.
func (r Receipt) adds(t *testing.T) {
	t.Helper()
	if r.sum() != r.Total || r.Total == 0 {
		t.Errorf("the parts add up to %v of %v: %+v", r.sum(), r.Total, r)
	}
	if most := max(ms, r.Total/100); r.Request.Residual > most {
		t.Errorf("%v of %v is unexplained: %+v", r.Request.Residual, r.Total, r)
	}
}

func TestEveryInstantOfAMixedLoadIsChargedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		thinker, talker, code2wav := newHand(), newHand(), newHand()
		h := newHouse(t, layout{
			thinker: timedSay(thinker, 12, 4*ms), talker: timedMap(talker, 7*ms, timedFrames), code2wav: timedMap(code2wav, 9*ms, timedSound),
			places: 4, wrap: func(c connector.Connector) connector.Connector { return far{c, 2 * ms} },
		})
		var load sync.WaitGroup
		var e2e time.Duration
		var mu sync.Mutex
		for i := range 60 {
			c := consumer{receive: time.Duration(i%4) * ms, encode: time.Duration(i%3) * ms / 2, write: time.Duration(i%5) * ms, whole: i%7 == 0}
			req := Request{Final: 2, Text: true}
			switch i % 6 {
			case 0:
				req.Final = 0 // text alone
			case 1:
				req.Entry, req.Text, req.Tokens = 1, false, make([]int32, 9) // speech
			case 2:
				c.write = 90 * ms // a client that is behind, and holds everything up
			}
			load.Go(func() {
				receipt := h.use(t, c, req)
				receipt.adds(t)
				mu.Lock()
				e2e += receipt.Total
				mu.Unlock()
			})
			if i%3 == 0 {
				time.Sleep(5 * ms)
			}
		}
		load.Wait()
		page := scrape(t, h.metrics)
		sum := 0.0
		for series, v := range page {
			for _, family := range []string{"limelight_request_part_seconds_sum", "limelight_stage_part_seconds_sum", "limelight_request_residual_seconds_sum"} {
				if len(series) >= len(family) && series[:len(family)] == family {
					sum += v
				}
			}
		}
		if math.Abs(sum-e2e.Seconds()) > 1e-6 {
			t.Errorf("the page's parts add up to %v s, the requests took %v s", sum, e2e.Seconds())
		}
		page.want(t, `vllm:omni_e2e_request_latency_s_sum`, e2e.Seconds())
		for _, part := range []string{"receive", "admission", "encode", "write"} {
			page.want(t, `limelight_request_part_seconds_count{part="`+part+`"}`, 60)
		}
		page.want(t, `limelight_stage_part_seconds_count{part="queue",replica="0",stage="0"}`, 50)
		page.want(t, `limelight_stage_part_seconds_count{part="hop",replica="0",stage="0"}`, 0)
		page.want(t, `limelight_stage_part_seconds_count{part="hop",replica="0",stage="1"}`, 40)
		page.want(t, `limelight_stage_first_output_seconds_count{replica="0",stage="2"}`, 50)
		for series, v := range page {
			if len(series) > 30 && series[:30] == "limelight_stage_part_seconds_s" && v == 0 && series != `limelight_stage_part_seconds_sum{part="hop",replica="0",stage="0"}` {
				t.Errorf("%s is 0 under such a load", series)
			}
		}
	})
}

func TestPathLeadsThroughTheStageThatIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name                      string
		thinker, talker, code2wav time.Duration
		tokens                    int
		consumer                  consumer
		want                      Receipt
	}{{
		name:    "a slow thinker: the talker waits for each token",
		thinker: 50 * ms, talker: 5 * ms, code2wav: 1 * ms, tokens: 4, consumer: consumer{receive: 2 * ms, encode: 1 * ms, write: 3 * ms},
		want: Receipt{
			Request: metrics.RequestTimes{Receive: 2 * ms, Encode: 2 * ms, Write: 6 * ms}, // the last sound, and the end
			Stages:  []StageReceipt{{StageTimes: metrics.StageTimes{Work: 200 * ms}}, {StageTimes: metrics.StageTimes{Hop: 2 * ms, Work: 5 * ms}}, {StageTimes: metrics.StageTimes{Hop: 2 * ms, Work: 1 * ms}}},
		},
	}, {
		name:    "a slow talker: its first token is all that it waits for",
		thinker: 5 * ms, talker: 50 * ms, code2wav: 1 * ms, tokens: 4, consumer: consumer{receive: 2 * ms, encode: 1 * ms, write: 3 * ms},
		want: Receipt{
			Request: metrics.RequestTimes{Receive: 2 * ms, Encode: 2 * ms, Write: 6 * ms}, // the last sound, and the end
			Stages:  []StageReceipt{{StageTimes: metrics.StageTimes{Work: 5 * ms}}, {StageTimes: metrics.StageTimes{Hop: 2 * ms, Work: 200 * ms}}, {StageTimes: metrics.StageTimes{Hop: 2 * ms, Work: 1 * ms}}},
		},
	}, {
		name:    "a slow client: the first event is all that it waits for",
		thinker: 5 * ms, talker: 5 * ms, code2wav: 1 * ms, tokens: 3, consumer: consumer{encode: 1 * ms, write: 99 * ms},
		want: Receipt{
			Request: metrics.RequestTimes{Encode: 7 * ms, Write: 693 * ms}, // three texts, three sounds, the end
			Stages:  []StageReceipt{{StageTimes: metrics.StageTimes{Work: 5 * ms}}, {}, {}},
		},
	}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, layout{
					thinker: timedSay(newHand(), c.tokens, c.thinker), talker: timedMap(newHand(), c.talker, timedFrames), code2wav: timedMap(newHand(), c.code2wav, timedSound),
					wrap: func(c connector.Connector) connector.Connector { return far{c, 2 * ms} },
				})
				got := h.use(t, c.consumer, Request{Final: 2, Text: true})
				got.adds(t)
				if got.Request != c.want.Request {
					t.Errorf("%+v, want %+v", got.Request, c.want.Request)
				}
				for k, s := range got.Stages {
					if s.StageTimes != c.want.Stages[k].StageTimes {
						t.Errorf("%s: %+v, want %+v", s.Name, s.StageTimes, c.want.Stages[k].StageTimes)
					}
				}
			})
		})
	}
}

func TestWaitsAreChargedToTheQueueTheyAreIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		thinker := newHand()
		h := newHouse(t, layout{thinker: timedSay(thinker, 1, 30*ms), talker: mute, code2wav: mute, places: 2})
		var load sync.WaitGroup
		receipts := make([]Receipt, 3)
		for i := range receipts {
			load.Go(func() { receipts[i] = h.use(t, consumer{}, Request{Final: 0, Text: true}) })
			synctest.Wait() // they come one after the other, at one instant
		}
		load.Wait()
		for i, want := range []Receipt{ // two places, one hand: the second waits in the stage, the third in front of it
			{Stages: []StageReceipt{{StageTimes: metrics.StageTimes{Work: 30 * ms}}}},
			{Stages: []StageReceipt{{StageTimes: metrics.StageTimes{Queue: 30 * ms, Work: 30 * ms}}}},
			{Request: metrics.RequestTimes{Admission: 30 * ms}, Stages: []StageReceipt{{StageTimes: metrics.StageTimes{Queue: 30 * ms, Work: 30 * ms}}}},
		} {
			receipts[i].adds(t)
			if receipts[i].Request != want.Request || receipts[i].Stages[0].StageTimes != want.Stages[0].StageTimes {
				t.Errorf("request %d: %+v, want %+v", i, receipts[i], want)
			}
		}
	})
}

func TestUnrecordedTimeShowsUpAsResidual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, layout{
			thinker: timedSay(newHand(), 3, 10*ms), talker: mute, code2wav: mute,
			engine: func(e engine.Engine) engine.Engine { return late{e, 50 * ms} },
		})
		got := h.use(t, consumer{write: 1 * ms}, Request{Final: 0, Text: true})
		if got.sum() != got.Total || got.Request.Residual != 50*ms || got.Stages[0].Work != 30*ms || got.Request.Write != 1*ms {
			t.Errorf("%+v", got)
		}
		scrape(t, h.metrics).want(t, `limelight_request_residual_seconds_sum`, 0.05)
	})
}

func TestAbortedAndFailedRequestsHaveNoParts(t *testing.T) {
	h := newHouse(t, layout{thinker: say(3, engine.FinishStop), talker: mute, code2wav: mute})
	r := h.submit(t, 0)
	if _, err := r.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Close()
	page := scrape(t, h.metrics)
	page.want(t, `limelight_request_part_seconds_count{part="write"}`, 0)
	page.want(t, `limelight_stage_part_seconds_count{part="work",replica="0",stage="0"}`, 0)
	page.want(t, `limelight_request_residual_seconds_count`, 0)
	page.want(t, `limelight_stage_first_output_seconds_count{replica="0",stage="0"}`, 1)
	page.want(t, `limelight_stage_first_output_seconds_count{replica="0",stage="1"}`, 0)
}

func TestGapsAreTheStagesOrTheClients(t *testing.T) {
	for _, c := range []struct {
		name     string
		decode   time.Duration // of 20 ms of sound
		consumer consumer
		cause    string // empty for no gap
	}{
		{"production keeps up", 15 * ms, consumer{write: 2 * ms}, ""},
		{"production is late", 50 * ms, consumer{write: 2 * ms}, "late_production"},
		{"the client is slow", 5 * ms, consumer{write: 50 * ms}, "slow_client"},
		{"nobody plays what is not streamed", 50 * ms, consumer{whole: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, layout{thinker: timedSay(newHand(), 9, ms), talker: timedMap(newHand(), ms, timedFrames), code2wav: timedMap(newHand(), c.decode, timedSound)})
				h.use(t, c.consumer, Request{Entry: 1, Final: 2, Tokens: make([]int32, 9)})
				page := scrape(t, h.metrics)
				for _, cause := range []string{"late_production", "slow_client"} {
					want := 0.0
					if cause == c.cause {
						want = 1
					}
					page.want(t, `limelight_audio_underruns_total{cause="`+cause+`",replica="0",stage="2"}`, want)
				}
				intervals, seconds := 8.0, 8*max(c.decode, c.consumer.write).Seconds()
				if c.consumer.whole {
					intervals, seconds = 0, 0
				}
				page.want(t, `limelight_audio_chunk_interval_seconds_count{replica="0",stage="2"}`, intervals)
				page.want(t, `limelight_audio_chunk_interval_seconds_sum{replica="0",stage="2"}`, seconds)
			})
		})
	}
}

func TestSilentSoundIsCountedWhenItsRequestEndsNaturally(t *testing.T) {
	h := newHouse(t, layout{thinker: say(2, engine.FinishStop), talker: speak(9, engine.FinishStop), code2wav: decode})
	for _, silent := range []bool{false, true} {
		r := h.submit(t, 2)
		if silent {
			r.Silent()
		}
		if _, _, err := listen(t, r); err != nil {
			t.Fatal(err)
		}
		want := 0.0
		if silent {
			want = 1
		}
		scrape(t, h.metrics).want(t, `limelight_audio_silent_requests_total{replica="0",stage="2"}`, want)
	}
	r := h.submit(t, 2)
	r.Silent()
	r.Close()
	scrape(t, h.metrics).want(t, `limelight_audio_silent_requests_total{replica="0",stage="2"}`, 1)
}
