package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/limelight-omni/limelight/metrics"
)

// identity is one thing that the numbers of a page have to agree on.
type identity struct {
	// text says it in words and formulas, for the documentation.
	text string
	// families it speaks of; if one of them has no child there is nothing to
	// compare. The first one is named in findings.
	families []string
	// ours says that pages of vLLM-Omni need not agree: it counts otherwise.
	ours bool
	// hold compares; each disagreement is one string.
	hold func(c *checker) []string
}

const (
	ends       = "vllm:omni_requests_success_total"
	latency    = "vllm:omni_e2e_request_latency_s"
	running    = "vllm:omni_num_requests_running"
	waiting    = "vllm:omni_num_requests_waiting"
	ttfp       = "vllm:omni_audio_ttfp_s"
	duration   = "vllm:omni_audio_duration_s"
	rtf        = "vllm:omni_audio_rtf"
	frames     = "vllm:omni_audio_frames_total"
	underrun   = "vllm:omni_audio_underrun_s"
	continuous = "vllm:omni_audio_continuity_ok_total"
	skipped    = "vllm:omni_audio_skipped_requests_total"
	hopSize    = "vllm:omni_transfer_size_bytes"
	hopTx      = "vllm:omni_transfer_tx_s"
	hopRx      = "vllm:omni_transfer_rx_s"
	hopFlight  = "vllm:omni_transfer_in_flight_s"

	admitted = "limelight_requests_admitted_total"
	refused  = "limelight_requests_refused_total"
	failures = "limelight_stage_failures_total"
	tokens   = "limelight_wasted_tokens_total"
	wasted   = "limelight_wasted_audio_seconds_total"
	expired  = "limelight_requests_expired_total"
	state    = "limelight_replica_state"
	bound    = "limelight_replica_requests"
	places   = "limelight_replica_places"
	byStage  = "limelight_stage_requests_waiting"
	part     = "limelight_request_part_seconds"
	share    = "limelight_stage_part_seconds"
	residual = "limelight_request_residual_seconds"
	gaps     = "limelight_audio_underruns_total"
	silent   = "limelight_audio_silent_requests_total"

	httpRequests = "http_requests_total"
	httpFine     = "http_request_duration_highr_seconds"
	httpDuration = "http_request_duration_seconds"
	httpInSize   = "http_request_size_bytes"
	httpOutSize  = "http_response_size_bytes"
)

// identities are all of them, in the order of the documentation.
var identities = slices.Concat(omniIdentities, engineIdentities, ownIdentities)

// omniIdentities are those of the families that vLLM-Omni has too, its engines'
// aside. Requests under way may be in the middle of being recorded, so sides
// that one request moves one after the other may differ by as many as run or
// wait.
var omniIdentities = []identity{{
	text:     "`vllm:omni_e2e_request_latency_s` has observed every natural end: its count is the sum of the reasons stop, length and repetition.",
	families: []string{latency, ends},
	hold: func(c *checker) []string {
		return c.equal("the count", c.page.Sum(latency, "_count"), "natural ends", c.naturalEnds(), c.shape.underWay)
	},
}, {
	text:     "`vllm:omni_audio_rtf` and `vllm:omni_audio_duration_s` have the same count at each replica: both or neither are observed.",
	families: []string{rtf, duration},
	hold: func(c *checker) []string {
		return c.eachVoice(func(at []Label) []string {
			return c.equal("the count", c.page.Sum(rtf, "_count", at...), "durations", c.page.Sum(duration, "_count", at...), c.shape.underWay)
		})
	},
}, {
	text:     "`vllm:omni_audio_frames_total` is `vllm:omni_audio_duration_s_sum` times the sample rate at each replica, the same rate at all replicas of a stage.",
	families: []string{frames, duration},
	hold:     framesAgree,
}, {
	text:     "A streamed reply that ended has had a first packet: `vllm:omni_audio_underrun_s_count` is at most `vllm:omni_audio_ttfp_s_count` at each replica.",
	families: []string{underrun, ttfp},
	hold: func(c *checker) []string {
		return c.eachVoice(func(at []Label) []string {
			return c.atMost("underruns", c.page.Sum(underrun, "_count", at...), "first packets", c.page.Sum(ttfp, "_count", at...), c.shape.underWay)
		})
	},
}, {
	text:     "Only sound can run dry: `vllm:omni_audio_underrun_s_count` is at most `vllm:omni_audio_duration_s_count` at each replica.",
	families: []string{underrun, duration},
	hold: func(c *checker) []string {
		return c.eachVoice(func(at []Label) []string {
			return c.atMost("underruns", c.page.Sum(underrun, "_count", at...), "durations", c.page.Sum(duration, "_count", at...), c.shape.underWay)
		})
	},
}, {
	text:     "`vllm:omni_audio_continuity_ok_total` of a threshold is the bucket of `vllm:omni_audio_underrun_s` that ends at it; without such a bucket it is at most the count.",
	families: []string{continuous, underrun},
	hold:     continuityAgrees,
}, {
	text:     "Sound and silence are both natural ends: `vllm:omni_audio_duration_s_count` and `vllm:omni_audio_skipped_requests_total` together are at most the sum of the reasons stop, length and repetition.",
	families: []string{duration, skipped, ends},
	hold: func(c *checker) []string {
		return c.atMost("durations and skipped requests", c.page.Sum(duration, "_count")+c.page.Sum(skipped, ""), "natural ends", c.naturalEnds(), c.shape.underWay)
	},
}, {
	text:     "Every hop is observed four times: the counts of size, tx, in flight and rx are the same at each edge.",
	families: []string{hopSize, hopTx, hopRx, hopFlight},
	hold: func(c *checker) (wrong []string) {
		for _, s := range c.page.samples(hopSize, "_count") {
			for _, other := range []string{hopTx, hopFlight, hopRx} {
				wrong = append(wrong, c.equal("hops over "+s.labels("model_name"), s.Value, other, c.page.Sum(other, "_count", s.Labels...), c.shape.underWay)...)
			}
		}
		return wrong
	},
}, {
	text:     "An edge joins adjacent stages: `to_stage` is `from_stage` plus one.",
	families: []string{hopSize},
	hold: func(c *checker) (wrong []string) {
		for _, s := range c.page.samples(hopSize, "_count") {
			from, _ := s.Label("from_stage")
			to, _ := s.Label("to_stage")
			if byNumber(to, from) != 1 {
				wrong = append(wrong, fmt.Sprintf("a hop from stage %s to stage %s", from, to))
			}
		}
		return wrong
	},
}, {
	text:     "Sound is made of chunks that came over a hop: the hops to a replica of an audio stage are at least its `vllm:omni_audio_duration_s_count`, if the pipeline has a stage before it. (Not where that replica is a server behind a relay, which is asked for speech by itself, too.)",
	families: []string{duration, hopSize},
	hold: func(c *checker) []string {
		return c.eachVoice(func(at []Label) []string {
			stage, replica := at[1].Value, at[0].Value
			if len(stages(c.shape.replicas)) < 2 || stage == "0" || c.shape.relay[place{stage, replica}] {
				return nil
			}
			return c.atMost("durations", c.page.Sum(duration, "_count", at...), "hops to the replica",
				c.page.Sum(hopSize, "_count", Label{"to_stage", stage}, Label{"to_replica", replica}), 0)
		})
	},
}, {
	text:     "HTTP requests are counted five times: `http_requests_total`, the two durations and the two sizes agree, by handler where they have one.",
	families: []string{httpRequests, httpFine, httpDuration, httpInSize, httpOutSize},
	hold:     httpAgrees,
}}

// ownIdentities are those of Limelight's own families.
var ownIdentities = []identity{{
	text:     "Every admitted request runs, waits or has ended, once: `limelight_requests_admitted_total` is the sum of `vllm:omni_requests_success_total`, `vllm:omni_num_requests_running` and `vllm:omni_num_requests_waiting`.",
	families: []string{admitted, ends, running, waiting},
	ours:     true,
	hold: func(c *checker) []string {
		return c.equal("admitted", c.page.Sum(admitted, ""), "ends and those under way", c.page.Sum(ends, "")+c.shape.underWay, c.shape.underWay)
	},
}, {
	text:     "Who was admitted or refused had come: `limelight_requests_admitted_total` and `limelight_requests_refused_total` together are at most `http_requests_total`.",
	families: []string{admitted, refused, httpRequests},
	ours:     true,
	hold: func(c *checker) []string {
		return c.atMost("admitted and refused", c.page.Sum(admitted, "")+c.page.Sum(refused, ""), "HTTP requests", c.page.Sum(httpRequests, ""), c.shape.underWay)
	},
}, {
	text:     "Every error is a stage's, or a request's whose time was up without a stage at work: `limelight_stage_failures_total` and `limelight_requests_expired_total` with a part other than stages together are `vllm:omni_requests_success_total` with the reason error.",
	families: []string{failures, ends},
	ours:     true,
	hold: func(c *checker) []string {
		alone := c.page.Sum(expired, "") - c.page.Sum(expired, "", Label{"part", "stages"})
		return c.equal("failures", c.page.Sum(failures, "")+alone, "ends as an error", c.ended("error"), c.shape.underWay)
	},
}, {
	text:     "A request whose time was up while a stage was waited for is that stage's failure: `limelight_requests_expired_total` with the part stages is `limelight_stage_failures_total` with the cause deadline.",
	families: []string{expired, failures},
	ours:     true,
	hold: func(c *checker) []string {
		return c.equal("expired requests", c.page.Sum(expired, "", Label{"part", "stages"}), "failures", c.page.Sum(failures, "", Label{"cause", "deadline"}), c.shape.underWay)
	},
}, {
	text:     "Nothing is wasted on nobody: without an end as abort, or as error, nothing is on `limelight_wasted_tokens_total` and `limelight_wasted_audio_seconds_total` with that reason.",
	families: []string{wasted, tokens, ends},
	ours:     true,
	hold: func(c *checker) (wrong []string) {
		for _, reason := range []string{"abort", "error"} {
			of := Label{"finished_reason", reason}
			if n := c.page.Sum(tokens, "", of) + c.page.Sum(wasted, "", of); n > 0 && c.ended(reason) == 0 && c.shape.underWay == 0 {
				wrong = append(wrong, fmt.Sprintf("%v tokens and seconds are wasted, and no request ended as %s", n, reason))
			}
		}
		return wrong
	},
}, {
	text:     "A replica is in one state: the children of `limelight_replica_state` are 0 but for one, which is 1.",
	families: []string{state},
	ours:     true,
	hold: func(c *checker) (wrong []string) {
		for _, p := range sorted(c.shape.replicas) {
			states := c.page.samples(state, "", p.labels()...)
			if n := c.page.Sum(state, "", p.labels()...); len(states) > 0 && n != 1 {
				wrong = append(wrong, fmt.Sprintf("stage %s, replica %s is in %v states", p.stage, p.replica, n))
			}
		}
		return wrong
	},
}, {
	text:     "A replica is full when its places are taken: one with as many `limelight_replica_requests` as `limelight_replica_places`, or more, is not ready, and one with fewer is not full.",
	families: []string{bound, places, state},
	ours:     true,
	hold: func(c *checker) (wrong []string) {
		for _, p := range sorted(c.shape.present) {
			n, room := c.page.Sum(bound, "", p.labels()...), c.page.Sum(places, "", p.labels()...)
			for s, odd := range map[string]bool{"ready": n >= room, "full": n < room} {
				if odd && c.page.Sum(state, "", append(p.labels(), Label{"state", s})...) == 1 {
					wrong = append(wrong, fmt.Sprintf("stage %s, replica %s: requests: %v, places: %v, and it is %s", p.stage, p.replica, n, room, s))
				}
			}
		}
		return wrong
	},
}, {
	text:     "Who waits in the queue waits for one stage: `limelight_stage_requests_waiting` adds up to `vllm:omni_num_requests_waiting`.",
	families: []string{byStage, waiting},
	ours:     true,
	hold: func(c *checker) []string {
		return c.equal("waiting by stage", c.page.Sum(byStage, ""), "waiting", c.page.Sum(waiting, ""), 0)
	},
}, {
	text:     "The page adds up: `limelight_request_part_seconds_sum`, `limelight_stage_part_seconds_sum` and `limelight_request_residual_seconds_sum` together are `vllm:omni_e2e_request_latency_s_sum`.",
	families: []string{part, share, residual, latency},
	ours:     true,
	hold:     partsAddUp,
}, {
	text:     "Every natural end has its parts: the count of `limelight_request_residual_seconds`, and that of each part of `limelight_request_part_seconds`, is that of `vllm:omni_e2e_request_latency_s`.",
	families: []string{part, residual, latency},
	ours:     true,
	hold: func(c *checker) []string {
		ends := c.page.Sum(latency, "_count")
		wrong := c.equal("residuals", c.page.Sum(residual, "_count"), "natural ends", ends, c.shape.underWay)
		for _, s := range c.page.samples(part, "_count") {
			wrong = append(wrong, c.equal("parts "+s.labels("model_name"), s.Value, "natural ends", ends, c.shape.underWay)...)
		}
		return wrong
	},
}, {
	text:     "A gap is an underrun, and silence is sound: at each replica `limelight_audio_underruns_total` is at most `vllm:omni_audio_underrun_s_count`, and `limelight_audio_silent_requests_total` at most `vllm:omni_audio_duration_s_count`.",
	families: []string{gaps, silent, underrun, duration},
	ours:     true,
	hold: func(c *checker) []string {
		return c.eachVoice(func(at []Label) []string {
			return append(c.atMost("gaps", c.page.Sum(gaps, "", at...), "underruns", c.page.Sum(underrun, "_count", at...), c.shape.underWay),
				c.atMost("silent replies", c.page.Sum(silent, "", at...), "durations", c.page.Sum(duration, "_count", at...), c.shape.underWay)...)
		})
	},
}}

// identities holds the page against all of them.
func (c *checker) identities() {
	for _, i := range identities {
		if i.ours && c.shape.reference || slices.ContainsFunc(i.families, c.page.childless) {
			continue
		}
		c.report.Identities++
		for _, text := range i.hold(c) {
			c.find(c.page.Families[i.families[0]].Line, i.families[0], "%s", text)
		}
	}
}

func (c *checker) naturalEnds() (n float64) {
	for _, reason := range []metrics.FinishedReason{metrics.Stop, metrics.Length, metrics.Repetition} {
		n += c.ended(string(reason))
	}
	return n
}

func (c *checker) ended(reason string) float64 {
	return c.page.Sum(ends, "", Label{"finished_reason", reason})
}

// equal compares two counts, which may differ by slack.
func (c *checker) equal(what string, a float64, other string, b, slack float64) []string {
	if math.Abs(a-b) <= slack {
		return nil
	}
	return []string{fmt.Sprintf("%s: %v, %s: %v", what, a, other, b)}
}

// atMost asks that a is no more than b and slack.
func (c *checker) atMost(what string, a float64, other string, b, slack float64) []string {
	if a <= b+slack {
		return nil
	}
	return []string{fmt.Sprintf("%s: %v, which is more than %s: %v", what, a, other, b)}
}

// eachVoice compares at each replica of an audio stage.
func (c *checker) eachVoice(hold func(at []Label) []string) []string {
	return eachOf(c.shape.audio, hold)
}

func eachOf(places map[place]bool, hold func(at []Label) []string) (wrong []string) {
	for _, p := range sorted(places) {
		for _, text := range hold(p.labels()) {
			wrong = append(wrong, fmt.Sprintf("stage %s, replica %s: %s", p.stage, p.replica, text))
		}
	}
	return wrong
}
