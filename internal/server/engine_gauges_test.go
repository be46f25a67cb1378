package server

import (
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine/ar"
	"github.com/limelight-omni/limelight/internal/engine/stats"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/metrics"
)

// gate stops a replica's engine behind a step until it is let go.
type gate struct {
	at      int // steps until it stops
	reached chan struct{}
	release chan struct{}
	once    sync.Once
}

func (h *gate) stepped(*ar.Step) {
	if h.at--; h.at == 0 {
		close(h.reached)
		<-h.release
	}
}

func (h *gate) letGo() { h.once.Do(func() { close(h.release) }) }

func TestGaugesAreReadFromTheEngine(t *testing.T) {
	stop := &gate{at: 2, reached: make(chan struct{}), release: make(chan struct{})}
	h := serve(t, pipeline.Options{
		MaxNumSeqs: 1,
		Engines:    map[string]pipeline.EngineConfig{"thinker": {BlockSize: 4, Blocks: 50}},
		Listener: func(stage, _ int) ar.Listener {
			if stage == pipeline.Thinker {
				return ar.Listener{Stepped: stop.stepped}
			}
			return ar.Listener{}
		},
	})
	t.Cleanup(stop.letGo)
	done := make(chan error, 1)
	go func() {
		r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"n":3,"max_tokens":20,"ignore_eos":true,`+briefPrompt+`}`)
		done <- drain(r, err, 200)
	}()
	<-stop.reached
	page := h.engines(pipeline.Thinker)
	blocks := (page["prompt_tokens_total"] + 1 + 3) / 4 // the second step computed one row more
	wantSeries(t, "held", page, map[string]float64{
		"num_requests_running": 1, "num_requests_waiting": 2,
		`num_requests_waiting_by_reasonreason="capacity"`: 2, `num_requests_waiting_by_reasonreason="deferred"`: 0,
		"kv_cache_usage_perc": float64(int(blocks)) / 50,
	})
	stop.letGo()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantSeries(t, "idle", h.enginePage(pipeline.Thinker), map[string]float64{
		"num_requests_running": 0, "num_requests_waiting": 0, "kv_cache_usage_perc": 0,
		`num_requests_waiting_by_reasonreason="capacity"`: 0, `num_requests_waiting_by_reasonreason="deferred"`: 0,
	})
}

func TestTalkerWithoutTextIsDeferred(t *testing.T) {
	stop := &gate{at: 1, reached: make(chan struct{}), release: make(chan struct{})}
	h := serve(t, pipeline.Options{Listener: func(stage, _ int) ar.Listener {
		if stage == pipeline.Thinker {
			return ar.Listener{Stepped: stop.stepped}
		}
		return ar.Listener{}
	}})
	t.Cleanup(stop.letGo)
	done := make(chan error, 1)
	go func() {
		r, err := h.post(t.Context(), "/v1/chat/completions", "", `{"modalities":["text","audio"],"max_tokens":8,"ignore_eos":true,`+briefPrompt+`}`)
		done <- drain(r, err, 200)
	}()
	<-stop.reached
	for t.Context().Err() == nil { // the talker's first hop may still be on its way
		page := h.engines(pipeline.Talker)
		if page[`num_requests_waiting_by_reasonreason="deferred"`] == 1 && page["num_requests_waiting"] == 1 && page["num_requests_running"] == 0 {
			break
		}
	}
	stop.letGo()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantSeries(t, "idle", h.enginePage(pipeline.Talker), map[string]float64{`num_requests_waiting_by_reasonreason="deferred"`: 0, "num_requests_waiting": 0})
}

func TestEstimatesAreThoseOfTheSteps(t *testing.T) {
	shape := stats.ShapeOf(qwen3omni.Tiny().Thinker.Decoder(), qwen3omni.Tiny().Thinker.Vocab())
	var want metrics.Estimate // the engine's goroutine writes it
	h := serve(t, pipeline.Options{EnableMFU: true, Listener: func(stage, _ int) ar.Listener {
		if stage == pipeline.Thinker {
			return ar.Listener{Stepped: func(s *ar.Step) { want = want.Plus(shape.Estimate(s.Prefill, s.Decode)) }}
		}
		return ar.Listener{}
	}})
	h.usage(`{"max_tokens":8,"ignore_eos":true,` + widePrompt + `}`)
	page := h.enginePage(pipeline.Thinker)
	if want.Flops == 0 {
		t.Fatal("no step")
	}
	wantSeries(t, "thinker", page, map[string]float64{
		"estimated_flops_per_gpu_total": want.Flops, "estimated_read_bytes_per_gpu_total": want.Read, "estimated_write_bytes_per_gpu_total": want.Write,
	})
	atRest(t, "talker", h.engines(pipeline.Talker))
}
