package metrics

import "slices"

// Words and outcomes that the families of finished requests share.
const (
	natural = "natural ends at the replica (stop, length, repetition), streamed or not; each choice by itself"
	left    = "requests that were aborted at the replica: the client left, or another stage failed, before it was done"
)

// engineRequestFamilies measure single requests.
func engineRequestFamilies() []Family {
	finished := func(f Family) Family {
		f.Kind, f.At, f.May = Histogram, naturalOutcomes, leftOutcomes
		if f.Moves == "" {
			f.Moves = natural + ", and errors"
		}
		if f.Still == "" {
			f.Still = left
		}
		if f.Unit == "tokens" {
			f.Lengths = true
		} else if f.Buckets == nil {
			f.Buckets = intervalBuckets
		}
		return f
	}
	begun := func(name, help string) Family {
		return finished(Family{
			Name: name, Unit: "seconds", Help: help,
			Moves: natural + ", and errors, if there was a first token",
			Still: left + "; requests without a token",
		})
	}
	const last = "the natural end of a request's last choice, streamed or not"
	const notLast = left + "; choices that others of the request outlast"
	return []Family{
		finished(Family{Name: requestPromptTokens, Unit: "tokens", Help: "Prompt tokens of one finished request."}),
		finished(Family{Name: requestGenerationTokens, Unit: "tokens", Help: "Generated tokens of one finished request."}),
		finished(Family{
			Name: requestLongestChoice, Unit: "tokens", Moves: last, Still: notLast,
			Help: "Generated tokens of the longest choice of one client request.",
		}),
		finished(Family{
			Name: requestChoices, Unit: "choices", Buckets: choicesBuckets, Moves: last, Still: notLast,
			Help: "Choices that one client request asked for (n).",
		}),
		finished(Family{Name: requestMaxTokens, Unit: "tokens", Help: "max_tokens of one finished request, defaults filled in."}),
		finished(Family{Name: requestComputedTokens, Unit: "tokens", Help: "Prompt tokens of one finished request that were computed rather than found in the prefix cache when it was first scheduled."}),
		{
			Name: timeToFirstToken, Kind: Histogram, Buckets: firstTokenBuckets, Unit: "seconds",
			Help:  "Time from a request's arrival until the replica chose its first token. It arrives when its handler is entered or, behind the first stage, when it is first handed over to the stage.",
			Moves: "the first token of every request, streamed or not, also of requests that are aborted or fail later",
			Still: "requests that end before; preemptions after it",
			At:    admittedOutcomes,
		}, {
			Name: interTokenLatency, Kind: Histogram, Buckets: tokenGapBuckets, Unit: "seconds",
			Help:  "Time between two successive tokens of a request, preemptions between them included.",
			Moves: "every token of a request but its first, streamed or not, also of requests that are aborted or fail later",
			Still: "first tokens; tokens that are computed again after a preemption",
			At:    slices.Concat(textOutcomes, soundOutcomes, leftOutcomes), May: []Outcome{OutcomeSkipped},
		},
		finished(Family{
			Name: timePerOutputToken, Unit: "seconds", Buckets: tokenGapBuckets,
			Help:  "Time from first to last token of one finished request, divided by its tokens but one; 0 for a single token.",
			Moves: natural + ", and errors, if there was a first token",
			Still: left + "; requests without a token",
		}),
		finished(Family{Name: engineE2E, Unit: "seconds", Help: "Time from a request's arrival, as for vllm:time_to_first_token_seconds, until the replica was done with it."}),
		finished(Family{
			Name: requestQueueTime, Unit: "seconds",
			Help:  "Time of one finished request from the moment the replica took it in until its first step. Preemptions are not in it.",
			Moves: natural + ", and errors, if it was scheduled",
			Still: left + "; requests that never got into a step",
		}),
		begun(requestInferenceTime, "Time of one finished request from its first step to its last token: prefill and decode."),
		begun(requestPrefillTime, "Time of one finished request from its first step to its first token."),
		begun(requestDecodeTime, "Time of one finished request from its first to its last token, preemptions included."),
	}
}
