package metrics

import "slices"

// Need is something that a pipeline must have for a family to move.
type Need string

// The needs. The first five are parts of a pipeline, the rest are options.
const (
	NeedAR    Need = "an autoregressive stage"
	NeedAudio Need = "a stage that produces audio"
	NeedHops  Need = "two stages"
	NeedPages Need = "an engine elsewhere with a metrics page"
	NeedRelay Need = "servers elsewhere as replicas"
	NeedStats Need = "--log-stats"
	NeedMFU   Need = "--enable-mfu-metrics"
	NeedKV    Need = "--kv-cache-metrics"

	NeedDeadline Need = "--request-timeout"
)

// Option says whether the need is an option of the server rather than a part
// of the pipeline: a family that needs one may have no child although its
// group has.
func (n Need) Option() bool {
	return n == NeedStats || n == NeedMFU || n == NeedKV || n == NeedDeadline
}

// Outcome is one way in which a request can go.
type Outcome string

// The outcomes. Text, audio and speech end naturally; a text's families do not
// tell whether it was streamed.
const (
	// OutcomeText: a chat reply without audio.
	OutcomeText Outcome = "text"
	// OutcomeAudio: a chat reply with audio, sent whole.
	OutcomeAudio Outcome = "audio"
	// OutcomeStream: a chat reply with audio, streamed.
	OutcomeStream Outcome = "streamed audio"
	// OutcomeSpeech: speech from text, sent whole; its work begins at the
	// talker.
	OutcomeSpeech Outcome = "speech"
	// OutcomeSkipped: a chat reply for which audio was asked and none was made.
	OutcomeSkipped Outcome = "no sound"
	// OutcomeAborted: a client that left a streamed reply after its first sound.
	OutcomeAborted Outcome = "abort"
	// OutcomeFailed: a stage that failed after the first sound of a streamed
	// reply.
	OutcomeFailed Outcome = "failure"
	// OutcomeGap: a streamed reply one of whose chunks came after the player
	// needed it.
	OutcomeGap Outcome = "a gap in the sound"
	// OutcomeSilent: a reply with sound that cannot be heard.
	OutcomeSilent Outcome = "silent sound"
	// OutcomeRefused: a request that was not admitted.
	OutcomeRefused Outcome = "refusal"
	// OutcomeExpired: a request that was not done within its time.
	OutcomeExpired Outcome = "deadline"
	// OutcomeRepeated: a text whose prompt begins as an earlier one did.
	OutcomeRepeated Outcome = "repeated prompt"
	// OutcomeCrowded: choices of a text that need more KV blocks together than
	// there are, after texts that began alike.
	OutcomeCrowded Outcome = "crowd"
)

// Outcomes that are no request's.
const (
	// OutcomeScraped: a scrape of an engine's page.
	OutcomeScraped Outcome = "scrape of an engine"
	// OutcomeBadPage: one that brought no page, or one that lies or is broken.
	OutcomeBadPage Outcome = "bad page of an engine"
	// OutcomeRetried: a server that failed at a request before it gave anything
	// for it, and another one that takes the request over.
	OutcomeRetried Outcome = "server that fails before its first output"
	// OutcomeEjected: a server that failed at so many requests in a row that it
	// is out for a while.
	OutcomeEjected Outcome = "server that fails in a row"
)

// Sets of outcomes that many families share.
var (
	soundOutcomes    = []Outcome{OutcomeAudio, OutcomeStream, OutcomeSpeech, OutcomeGap, OutcomeSilent}
	textOutcomes     = []Outcome{OutcomeText, OutcomeRepeated, OutcomeCrowded}
	leftOutcomes     = []Outcome{OutcomeAborted, OutcomeFailed} // some stages may be done when they come
	naturalOutcomes  = slices.Concat(textOutcomes, []Outcome{OutcomeSkipped}, soundOutcomes)
	admittedOutcomes = slices.Concat(leftOutcomes, naturalOutcomes)
	everyOutcome     = append([]Outcome{OutcomeRefused}, admittedOutcomes...)
)
