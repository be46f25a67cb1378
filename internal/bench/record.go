package bench

import (
	"time"

	"github.com/limelight-omni/limelight/metrics/continuity"
)

// Outcome says how a request ended, seen from the client.
type Outcome string

// The closed set of outcomes.
const (
	OK      Outcome = "ok"
	Aborted Outcome = "aborted" // the client left on purpose
	Failed  Outcome = "failed"
)

// Arrival is one piece of a reply as it reached the client.
type Arrival struct {
	At    time.Duration `json:"at"` // since the intended start
	Bytes int           `json:"bytes"`
}

// Trace is what a client saw of one request. Times count from the intended
// start: the schedule's in an open loop, so that a client that could not start
// in time (all its connections busy) does not hide the wait, which is called
// coordinated omission; the real one otherwise.
type Trace struct {
	Start  time.Duration // of the request, since the run's start
	Sent   time.Duration // since the intended start: how late it was
	Texts  []time.Duration
	Audio  []Arrival // chunks of PCM, empty ones left out
	End    time.Duration
	Rate   int // samples a second
	Peak   float64
	RMS    float64
	Prompt int // tokens, by the reply's usage
	Output int
	Words  string // the text
	Finish string // the last finish reason
	// WantsAudio and Streamed say what was asked for.
	WantsAudio, Streamed bool
	Outcome              Outcome
	Err                  string // why it failed
	// Complete says that the reply came whole: the server takes it for a natural
	// end, whatever is wrong with its sound.
	Complete bool
}

// Record is a trace with its measures. Measures that the request cannot have
// are absent.
type Record struct {
	Trace
	measures map[string]float64
	// Continuous says that the listener heard no gap above the threshold.
	Continuous bool
}

// Measure returns a measure in the metric's unit; false if the request has none.
func (r *Record) Measure(name string) (float64, bool) {
	v, ok := r.measures[name]
	return v, ok
}

// bytesPerSample is the width of the PCM that is asked for.
const bytesPerSample = 2

// Frames is the number of samples that arrived.
func (t *Trace) Frames() int {
	n := 0
	for _, a := range t.Audio {
		n += a.Bytes
	}
	return n / bytesPerSample
}

// Duration is the length of the sound.
func (t *Trace) Duration() time.Duration {
	if t.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(t.Frames()) / float64(t.Rate) * float64(time.Second))
}

// measure computes what the metric table names of one request, as the metrics
// page defines it where the page has it.
func measure(t Trace, threshold time.Duration) *Record {
	r := &Record{Trace: t, measures: map[string]float64{}}
	if t.Outcome != OK {
		return r
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	r.measures["e2el"] = ms(t.End)
	if n := len(t.Texts); t.Streamed && n > 0 {
		first, last := t.Texts[0], t.Texts[n-1]
		r.measures["ttft"] = ms(first)
		if t.Output > 1 {
			r.measures["tpot"] = ms(last-first) / float64(t.Output-1)
		}
	}
	length := t.Duration().Seconds()
	if length <= 0 {
		return r
	}
	r.measures["audio_duration"] = length
	if !t.Streamed {
		return r
	}
	first, last := t.Audio[0].At, t.Audio[len(t.Audio)-1].At
	r.measures["audio_ttfp"] = ms(first)
	r.measures["audio_rtf"] = last.Seconds() / length
	r.measures["audio_stream_rtf"] = (last - first).Seconds() / length
	player := continuity.NewPlayer(t.Rate, bytesPerSample, 1)
	for _, a := range t.Audio {
		player.Chunk(a.At, a.Bytes)
	}
	heard := player.Result(threshold)
	r.measures["audio_underrun"] = heard.Underrun.Seconds()
	r.Continuous = heard.OK
	return r
}

// gaps are the times between a reply's texts.
func (r *Record) gaps() []float64 {
	var list []float64
	if r.Outcome == OK && r.Streamed {
		for i := 1; i < len(r.Texts); i++ {
			list = append(list, float64(r.Texts[i]-r.Texts[i-1])/float64(time.Millisecond))
		}
	}
	return list
}

// metric describes one measure.
type metric struct {
	name  string // as vllm bench has it
	key   string // in the JSON, after mean_, median_ and pNN_
	title string
	label string // in the table, with its unit
}

// metricTable lists the measures in the order of the summary. Times are in
// milliseconds but for the audio's own length and deficit.
var metricTable = []metric{
	{name: "e2el", key: "e2el_ms", title: "End-to-end Latency", label: "E2EL (ms)"},
	{name: "ttft", key: "ttft_ms", title: "Time to First Token", label: "TTFT (ms)"},
	{name: "tpot", key: "tpot_ms", title: "Time per Output Token (excl. 1st token)", label: "TPOT (ms)"},
	{name: "itl", key: "itl_ms", title: "Inter-token Latency", label: "ITL (ms)"},
	{name: "audio_ttfp", key: "audio_ttfp_ms", title: "Time to First Packet", label: "AUDIO_TTFP (ms)"},
	{name: "audio_rtf", key: "audio_rtf", title: "Real Time Factor", label: "AUDIO_RTF"},
	{name: "audio_stream_rtf", key: "audio_stream_rtf", title: "Real Time Factor from the First Packet on", label: "AUDIO_STREAM_RTF"},
	{name: "audio_duration", key: "audio_duration_s", title: "Audio Duration", label: "AUDIO_DURATION (s)"},
	{name: "audio_underrun", key: "audio_underrun_s", title: "Streaming Audio Underrun", label: "AUDIO_UNDERRUN (s)"},
}

// MetricNames lists the measures.
func MetricNames() []string {
	names := make([]string, len(metricTable))
	for i, m := range metricTable {
		names[i] = m.name
	}
	return names
}
