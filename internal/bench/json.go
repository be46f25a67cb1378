package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
)

// WriteJSON writes the result with the field names of vllm bench, and what it
// lacks: audio_continuity_ok_rate, the aborts, and each request by itself.
func (r *Result) WriteJSON(w io.Writer, p Report) error {
	t, o := r.Totals(), &r.Options
	rate := any(o.RequestRate)
	if math.IsInf(o.RequestRate, 1) {
		rate = "inf"
	}
	m := map[string]any{
		"date": r.Began.UTC().Format("20060102-150405"), "endpoint_type": o.Backend, "backend": o.Backend, "model_id": o.Model, "tokenizer_id": o.Model,
		"num_prompts": len(r.Records), "request_rate": rate, "burstiness": o.Burstiness, "max_concurrency": o.MaxConcurrency,
		"duration": r.Duration.Seconds(), "completed": t.OK, "failed": t.Failed, "aborted": t.Aborted,
		"total_input_tokens": t.Prompt, "total_output_tokens": t.Output, "request_throughput": t.Throughput, "request_goodput": t.Goodput,
		"output_throughput": t.OutputThroughput, "total_token_throughput": t.Overall,
		"total_audio_duration_s": t.AudioSeconds, "total_audio_frames": t.Frames, "audio_throughput": t.AudioThroughput, "rtfx": t.AudioThroughput,
		"max_output_tokens_per_s": t.PeakOutput, "max_concurrent_requests": t.PeakConcurrency,
		"latency_from_intended_start": o.open(),
	}
	if t.Heard > 0 {
		m["audio_continuity_ok_rate"] = continuityRate(t)
	}
	for _, metric := range metricTable {
		s := r.Statistics(metric.name)
		if s.Count == 0 || !p.shows(metric) {
			continue
		}
		m["mean_"+metric.key], m["median_"+metric.key], m["std_"+metric.key] = s.Mean, s.Median, s.Std
		for _, q := range p.percentiles() {
			m["p"+strconv.FormatFloat(q, 'f', -1, 64)+"_"+metric.key] = s.Percentile(q)
		}
	}
	var inputs, outputs []int
	var ttfts []float64
	var itls [][]float64
	var texts, failures []string
	var requests []map[string]any
	for _, record := range r.Records {
		inputs, outputs = append(inputs, record.Prompt), append(outputs, record.Output)
		ttft, _ := record.Measure("ttft")
		ttfts = append(ttfts, ttft/1000)
		seconds := []float64{}
		for _, gap := range record.gaps() {
			seconds = append(seconds, gap/1000)
		}
		itls = append(itls, seconds)
		texts, failures = append(texts, record.Words), append(failures, record.Err)
		one := map[string]any{"start_s": record.Start.Seconds(), "late_s": record.Sent.Seconds(), "outcome": record.Outcome, "finish_reason": record.Finish}
		for name, v := range record.measures {
			one[name] = v
		}
		if len(record.Audio) > 0 {
			one["audio_peak"], one["audio_rms"], one["audio_chunks"], one["sample_rate"] = record.Peak, record.RMS, record.Audio, record.Rate
		}
		requests = append(requests, one)
	}
	m["input_lens"], m["output_lens"], m["ttfts"], m["itls"], m["generated_texts"], m["errors"], m["requests"] = inputs, outputs, ttfts, itls, texts, failures, requests
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	if err := e.Encode(m); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}
