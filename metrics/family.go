// Package metrics holds the families of Limelight's /metrics page: one table
// that declares them, typed recorders whose label children are bound once, and
// the handler that writes the page.
//
// The names, labels, units and buckets of the vllm:omni_ families are those of
// vLLM-Omni's production metrics page, so that its dashboards and alerts work
// unchanged. A gateway of one's own can use the package by itself: make a
// Metrics with New, take recorders from it, serve its Handler.
package metrics

import "slices"

// Kind is a family's type on the page.
type Kind string

// The kinds, as the TYPE line spells them.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
	Summary   Kind = "summary"
)

// Group is what a family speaks of.
type Group string

// The groups, in the order of the documentation.
const (
	GroupPipeline Group = "Pipeline"
	GroupAudio    Group = "Audio"
	GroupTransfer Group = "Transfer"
	GroupEngine   Group = "Engine"
	GroupOwn      Group = "Limelight's own"
	GroupHTTP     Group = "HTTP"
	GroupRuntime  Group = "Runtime"
)

// Family declares one metric family. Recorders, documentation and tests are
// made from it.
type Family struct {
	Name string
	Kind Kind
	// Labels are all label names, model_name included.
	Labels []string
	// Buckets are a histogram's upper bounds, without +Inf. Lengths says that
	// they are LengthBuckets of the longest sequence instead.
	Buckets []float64
	Lengths bool
	// Unit of the values: seconds, bytes, frames, requests, ratio.
	Unit string
	// Help is the HELP line: the definition in a sentence or two.
	Help  string
	Group Group
	// Values are the closed sets of label values; children for all of them
	// exist from the start.
	Values map[string][]string
	// Option names the label whose closed set an option of the server extends by
	// further decimal numbers; empty for none.
	Option string
	// Present says when the family has samples.
	Present string
	// Moves says which outcomes feed it, Still which do not.
	Moves, Still string
	// Needs is all that a pipeline and its options must have for the family to
	// have children that can move; nil means any pipeline. An option among them
	// makes the family one that may stand without a child.
	Needs []Need
	// NamedWith are the options without which the page does not even name the
	// family; nil means that it is named on every page.
	NamedWith []Need
	// At lists the outcomes that move a counter, a histogram or a summary, each
	// by itself. Gauges have none: they are read at scrape.
	At []Outcome
	// May lists the outcomes that move it in some cases, by Moves and Still.
	May []Outcome
	// Constant says why no event of this server moves the family, "the engine
	// has no KV connector" for instance; empty for a family that moves.
	Constant string
	// Always says that the family is recorded with stats off too.
	Always bool
	// Foreign families are recorded by client_golang's own collectors.
	Foreign bool
}

// FinishedReason says how a request ended.
type FinishedReason string

// The closed set of finished reasons.
const (
	Stop       FinishedReason = "stop"
	Length     FinishedReason = "length"
	Abort      FinishedReason = "abort"
	Error      FinishedReason = "error"
	Repetition FinishedReason = "repetition"
)

// FinishedReasons lists the closed set in vLLM's order.
var finishedReasons = []FinishedReason{Stop, Length, Abort, Error, Repetition}

// SkipReason says why a request that asked for audio ended without any.
type SkipReason string

// The closed set of skip reasons.
const (
	// NoAudioData: the request ended naturally and not a sample was made.
	NoAudioData SkipReason = "no_audio_data"
	// MalformedCodec: the codec frames were rejected before any sound.
	MalformedCodec SkipReason = "malformed_codec"
)

var skipReasons = []SkipReason{NoAudioData, MalformedCodec}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// has says whether the family has a label.
func (f Family) has(label string) bool { return slices.Contains(f.Labels, label) }

// own are the family's labels besides model_name, which every child of one
// Metrics shares.
func (f Family) own() []string {
	return slices.DeleteFunc(slices.Clone(f.Labels), func(l string) bool { return l == "model_name" })
}

// Families returns the table: every family that Limelight declares, in the
// order of the documentation.
func Families() []Family {
	return slices.Concat(pipelineFamilies(), audioFamilies(), transferFamilies(), engineFamilies(), ownFamilies(), scrapedFamilies(), httpFamilies(), runtimeFamilies())
}

// family looks one up; a name that is not in the table is a mistake in the
// program.
func family(table []Family, name string) Family {
	i := slices.IndexFunc(table, func(f Family) bool { return f.Name == name })
	if i < 0 {
		panic("BUG: family " + name + " is not declared")
	}
	return table[i]
}
