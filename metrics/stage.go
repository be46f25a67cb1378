package metrics

import "github.com/prometheus/client_golang/prometheus"

// FailureCause says what went wrong at a stage.
type FailureCause string

// The closed set of causes.
const (
	// CauseRejected: the stage refused its input when the client had sound.
	CauseRejected FailureCause = "rejected"
	// CauseNoReplica: no replica of the stage was alive.
	CauseNoReplica FailureCause = "no_replica"
	// CauseLost: the process that runs the engine, or the way to it, was lost.
	CauseLost FailureCause = "lost"
	// CauseClosed: the engine was shut down.
	CauseClosed FailureCause = "closed"
	// CauseHop: the way from the stage before failed.
	CauseHop FailureCause = "hop"
	// CauseTimeout: the stage took too long.
	CauseTimeout FailureCause = "timeout"
	// CauseDeadline: the request's time was up while the stage worked for it.
	CauseDeadline FailureCause = "deadline"
	// CauseReply: the stages did their work and no answer could be made of it.
	CauseReply FailureCause = "reply"
	// CauseEngine: anything else.
	CauseEngine FailureCause = "engine"
)

var failureCauses = []FailureCause{CauseRejected, CauseNoReplica, CauseLost, CauseClosed, CauseHop, CauseTimeout, CauseDeadline, CauseReply, CauseEngine}

// StageRecorder records what went wrong at one stage and what was made for
// nothing.
type StageRecorder struct {
	// The maps are complete from the start and never written again.
	failures map[FailureCause]prometheus.Counter
	tokens   map[FinishedReason]prometheus.Counter // empty unless the stage is autoregressive
	audio    map[FinishedReason]prometheus.Counter // empty unless the stage gives audio
}

type stageVecs struct {
	failures, tokens, audio *prometheus.CounterVec
}

func newStageVecs(m *Metrics) *stageVecs {
	return &stageVecs{failures: m.counter(stageFailures), tokens: m.counter(wastedTokens), audio: m.counter(wastedAudioSeconds)}
}

func (v *stageVecs) bind(info StageInfo) *StageRecorder {
	stage := decimal(info.ID)
	r := &StageRecorder{
		failures: make(map[FailureCause]prometheus.Counter),
		tokens:   make(map[FinishedReason]prometheus.Counter),
		audio:    make(map[FinishedReason]prometheus.Counter),
	}
	for _, cause := range failureCauses {
		r.failures[cause] = v.failures.WithLabelValues(stage, string(cause))
	}
	for _, reason := range wastedReasons {
		if info.AR {
			r.tokens[reason] = v.tokens.WithLabelValues(stage, string(reason))
		}
		if info.Audio {
			r.audio[reason] = v.audio.WithLabelValues(stage, string(reason))
		}
	}
	return r
}

// Failed records that a request ended as an error of the stage. A cause outside
// the closed set counts as CauseEngine.
func (r *StageRecorder) Failed(cause FailureCause) {
	if r == nil {
		return
	}
	failed, known := r.failures[cause]
	if !known {
		failed = r.failures[CauseEngine]
	}
	failed.Inc()
}

// Wasted records what the stage made for a request that ended as Abort or
// Error: tokens, and seconds of audio. Of other ends, and of kinds that the
// stage does not make, it records nothing.
func (r *StageRecorder) Wasted(reason FinishedReason, tokens int, audio float64) {
	if r == nil {
		return
	}
	if counter := r.tokens[reason]; counter != nil && tokens > 0 {
		counter.Add(float64(tokens))
	}
	if counter := r.audio[reason]; counter != nil && audio > 0 {
		counter.Add(audio)
	}
}
