package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/limelight-omni/limelight/metrics/continuity"
)

// AudioRecorder records the audio of one replica of an audio stage.
type AudioRecorder struct {
	ttfp                    timing
	duration, rtf, underrun prometheus.Observer
	frames, continuityOK    prometheus.Counter
	skipped                 map[SkipReason]prometheus.Counter // complete from the start, never written again
}

type audioVecs struct {
	m                             *Metrics
	ttfp, duration, rtf, underrun *prometheus.HistogramVec
	frames, continuityOK, skipped *prometheus.CounterVec
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
	}
}

func (v *audioVecs) bind(r replica) *AudioRecorder {
	stage, id := decimal(r.stage), decimal(r.id)
	a := &AudioRecorder{
		ttfp:         v.m.timing(v.ttfp.WithLabelValues(stage, id)),
		duration:     v.duration.WithLabelValues(stage, id),
		rtf:          v.rtf.WithLabelValues(stage, id),
		underrun:     v.underrun.WithLabelValues(stage, id),
		frames:       v.frames.WithLabelValues(stage, id),
		continuityOK: v.continuityOK.WithLabelValues(stage, id, continuity.ThresholdLabel(continuity.DefaultThreshold)),
		skipped:      make(map[SkipReason]prometheus.Counter),
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

// Played records what a listener of streamed audio met.
func (a *AudioRecorder) Played(underrun time.Duration) {
	if a == nil {
		return
	}
	a.underrun.Observe(underrun.Seconds())
	if underrun <= continuity.DefaultThreshold {
		a.continuityOK.Inc()
	}
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
