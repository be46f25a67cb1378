package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/limelight-omni/limelight/metrics/continuity"
)

// AudioRecorder records the audio of one replica of an audio stage.
type AudioRecorder struct {
	ttfp                    timing
	duration, rtf, underrun prometheus.Observer
	interval                prometheus.Observer
	frames, silent          prometheus.Counter
	continuityOK            []continuous
	// The maps are complete from the start and never written again.
	skipped   map[SkipReason]prometheus.Counter
	underruns map[UnderrunCause]prometheus.Counter
}

// continuous counts the requests whose underrun did not exceed a threshold.
type continuous struct {
	threshold time.Duration
	ok        prometheus.Counter
}

// UnderrunCause says what made a listener hear a gap.
type UnderrunCause string

// The closed set of causes.
const (
	// LateProduction: the chunk did not exist when the player needed it.
	LateProduction UnderrunCause = "late_production"
	// SlowClient: the client had not taken what came before it.
	SlowClient UnderrunCause = "slow_client"
)

var underrunCauses = []UnderrunCause{LateProduction, SlowClient}

// thresholds are all thresholds of the continuity counter, each label once.
func thresholds(more []time.Duration) []time.Duration {
	all := []time.Duration{continuity.DefaultThreshold}
	for _, t := range more {
		t = t.Round(time.Millisecond) // as its label says
		if !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	return all
}

type audioVecs struct {
	m                             *Metrics
	ttfp, duration, rtf, underrun *prometheus.HistogramVec
	interval                      *prometheus.HistogramVec
	frames, continuityOK, skipped *prometheus.CounterVec
	underruns, silent             *prometheus.CounterVec
}

func newAudioVecs(m *Metrics) *audioVecs {
	return &audioVecs{
		m:            m,
		ttfp:         m.histogram(audioTTFP),
		duration:     m.histogram(audioDuration),
		rtf:          m.histogram(audioRTF),
		underrun:     m.histogram(audioUnderrun),
		frames:       m.counter(audioFrames),
		continuityOK: m.counter(audioContinuityOK),
		skipped:      m.counter(audioSkipped),
		interval:     m.histogram(chunkInterval),
		underruns:    m.counter(audioUnderruns),
		silent:       m.counter(audioSilent),
	}
}

func (v *audioVecs) bind(r replica) *AudioRecorder {
	stage, id := decimal(r.stage), decimal(r.id)
	a := &AudioRecorder{
		ttfp:      v.m.timing(v.ttfp.WithLabelValues(stage, id)),
		duration:  v.duration.WithLabelValues(stage, id),
		rtf:       v.rtf.WithLabelValues(stage, id),
		underrun:  v.underrun.WithLabelValues(stage, id),
		frames:    v.frames.WithLabelValues(stage, id),
		interval:  v.interval.WithLabelValues(stage, id),
		silent:    v.silent.WithLabelValues(stage, id),
		skipped:   make(map[SkipReason]prometheus.Counter),
		underruns: make(map[UnderrunCause]prometheus.Counter),
	}
	for _, t := range v.m.thresholds {
		a.continuityOK = append(a.continuityOK, continuous{t, v.continuityOK.WithLabelValues(stage, id, continuity.ThresholdLabel(t))})
	}
	for _, cause := range underrunCauses {
		a.underruns[cause] = v.underruns.WithLabelValues(stage, id, string(cause))
	}
	for _, reason := range skipReasons {
		a.skipped[reason] = v.skipped.WithLabelValues(stage, id, string(reason))
	}
	return a
}

// FirstPacket records the time from a request's arrival to its first non-empty
// chunk of streamed audio. The id is for the exemplar.
func (a *AudioRecorder) FirstPacket(ttfp time.Duration, id string) {
	if a == nil {
		return
	}
	a.ttfp.observe(max(0, ttfp), id)
}

// Finished records the whole audio of a request that ended naturally: frames
// at rate samples a second, which took the stage gen to produce. It records
// nothing, rather than half, when there are no frames or no rate.
func (a *AudioRecorder) Finished(frames int64, rate int, gen time.Duration) {
	if a == nil || frames <= 0 || rate <= 0 {
		return
	}
	duration := float64(frames) / float64(rate)
	a.frames.Add(float64(frames))
	a.duration.Observe(duration)
	a.rtf.Observe(max(0, gen).Seconds() / duration)
}

// Played records what a listener of streamed audio met: the worst lag, and what
// it came of if there was any. A cause outside the closed set counts as
// LateProduction.
func (a *AudioRecorder) Played(underrun time.Duration, cause UnderrunCause) {
	if a == nil {
		return
	}
	a.underrun.Observe(underrun.Seconds())
	for _, c := range a.continuityOK {
		if underrun <= c.threshold {
			c.ok.Inc()
		}
	}
	if underrun <= 0 {
		return
	}
	gaps, known := a.underruns[cause]
	if !known {
		gaps = a.underruns[LateProduction]
	}
	gaps.Inc()
}

// ChunkInterval records the time between two chunks of streamed audio.
func (a *AudioRecorder) ChunkInterval(d time.Duration) {
	if a == nil {
		return
	}
	a.interval.Observe(max(0, d).Seconds())
}

// Silent records that the audio of a request that ended naturally cannot be
// heard.
func (a *AudioRecorder) Silent() {
	if a == nil {
		return
	}
	a.silent.Inc()
}

// Skipped records that a request for audio ended naturally without any. A
// reason outside the closed set counts as NoAudioData.
func (a *AudioRecorder) Skipped(reason SkipReason) {
	if a == nil {
		return
	}
	skipped, known := a.skipped[reason]
	if !known {
		skipped = a.skipped[NoAudioData]
	}
	skipped.Inc()
}
