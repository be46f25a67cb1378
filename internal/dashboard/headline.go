package dashboard

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/internal/objective"
)

// Headline is the one thing to know, in a sentence, and what is behind it in
// another.
type Headline struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Why   string `json:"why,omitempty"`
	// About is the replica that it names, as "1/2"; empty if it names none.
	About string `json:"about,omitempty"`
}

// finding is something that is wrong.
type finding struct {
	Headline
	// burn is how many times as many events are bad as the objective allows; 0
	// where there is no objective.
	burn float64
}

// headline says what is wrong. What keeps requests from being served at all
// comes first; then the objective that is missed by most, with the others named
// behind it; then what misses none. Nothing being wrong is news, too.
func (m *measure) headline(goals []objective.Objective, stages names) Headline {
	if h, found := m.dead(stages); found {
		return h
	}
	var missed []finding
	for _, g := range goals {
		if f, found := m.missed(g, stages); found {
			missed = append(missed, f)
		}
	}
	slices.SortStableFunc(missed, func(a, b finding) int { return cmp.Compare(b.burn, a.burn) })
	if len(missed) > 0 {
		h := missed[0].Headline
		for i, f := range missed[1:min(3, len(missed))] {
			h.Why += []string{" Besides: ", " And: "}[i] + f.Text
		}
		h.Why = strings.TrimSpace(h.Why)
		return h
	}
	for _, ask := range []func(names) (Headline, bool){m.silence, m.queued, m.degraded} {
		if h, found := ask(stages); found {
			return h
		}
	}
	ended, _ := m.ended()
	running, waiting := zeroed(m.running), zeroed(m.waiting)
	if ended == 0 && running == 0 && waiting == 0 {
		return Headline{Level: Idle, Text: "Nothing to do: no request came in the last minute.", Why: "The charts below have what came before."}
	}
	text := "All is well: every objective is met."
	if len(goals) == 0 {
		text = "All is well."
	}
	return Headline{Level: Fine, Text: text, Why: fmt.Sprintf("%s requests a second, %.0f running, %.0f waiting.", number(ended/max(1, m.seconds)), running, waiting)}
}

// missed says how an objective is missed; false if it is not.
func (m *measure) missed(g objective.Objective, stages names) (finding, bool) {
	v := m.judge(g)
	if v.level != Tight && v.level != Bad {
		return finding{}, false
	}
	f := finding{burn: (1 - v.good) / (1 - g.Target)}
	worst := m.worst(g)
	share := percent(1 - v.good)
	switch g.Family.Name {
	case availability:
		f.Headline = m.failing(v)
		if f.Why == "" {
			f.Why = m.blame(stages)
		}
		return f, true
	case underrunName:
		f.Text = fmt.Sprintf("%s of listeners hear gaps.", share)
		if worst != nil {
			f.Text = fmt.Sprintf("Listeners of %s hear gaps: %s of them.", stages.replica(worst.at), percent(1-worst.underrun.within(g.Threshold)))
		}
	case firstPacketName:
		f.Text = fmt.Sprintf("First sound comes late: %s of listeners wait more than %s.", share, seconds(g.Threshold))
	case rtfName:
		f.Text = fmt.Sprintf("Sound is made slower than it plays for %s of requests.", share)
		if worst != nil {
			f.Text = fmt.Sprintf("Sound is made slower than it plays for %s of requests, most at %s.", share, stages.replica(worst.at))
		}
	case firstTokenName:
		f.Text = fmt.Sprintf("First tokens come late: %s take more than %s.", share, seconds(g.Threshold))
	case e2eName:
		f.Text = fmt.Sprintf("Requests take long: %s more than %s, half of them %s.", share, seconds(g.Threshold), seconds(m.e2e.quantile(0.5)))
	default:
		f.Text = fmt.Sprintf("The objective %s is missed: %s are over %s.", g.Name, share, number(g.Threshold))
	}
	f.Level, f.Why = v.level, m.why(worst, stages)
	if worst != nil {
		f.About = worst.at.stage + "/" + worst.at.replica
	}
	return f, true
}

// dead: a stage whose replicas are all down.
func (m *measure) dead(stages names) (Headline, bool) {
	for _, stage := range m.stages() {
		known, up := 0, 0
		for _, r := range m.of(stage) {
			if r.state == "" {
				continue
			}
			if known++; r.state != "down" {
				up++
			}
		}
		if known > 0 && up == 0 {
			return Headline{Level: Bad, Text: "No replica of " + stages.stage(stage) + " is up: requests are refused.",
				Why: fmt.Sprintf("The stage has %s; see why in its process's log.", count(known, "replica"))}, true
		}
	}
	return Headline{}, false
}

// failing: requests that end as an error, or are refused for want of room.
func (m *measure) failing(v verdict) Headline {
	all, failed := m.availability()
	if crowd := failed - m.ends["error"]; crowd > m.ends["error"] {
		return Headline{Level: v.level, Text: fmt.Sprintf("%s of requests are refused for want of room.", percent(crowd/all)), Why: m.crowd()}
	}
	return Headline{Level: v.level, Text: fmt.Sprintf("%s of requests fail.", percent(failed/all))}
}

// crowd says which refusals there were.
func (m *measure) crowd() string {
	var texts []string
	for _, reason := range crowded {
		if n := m.refused[reason]; n > 0 {
			texts = append(texts, fmt.Sprintf("%.0f %s", n, strings.ReplaceAll(reason, "_", " ")))
		}
	}
	return "In the last minute: " + strings.Join(texts, ", ") + "."
}

// blame says which stage failed most, and of what.
func (m *measure) blame(stages names) string {
	var worst failure
	most := 0.0
	for f, n := range m.failures {
		if n > most || n == most && n > 0 && f.stage+f.cause < worst.stage+worst.cause {
			worst, most = f, n
		}
	}
	if most == 0 {
		return "The page does not say which stage failed."
	}
	return fmt.Sprintf("%.0f at %s: %s.", most, stages.stage(worst.stage), causeText(worst.cause))
}

// causeText says a failure's cause in words.
func causeText(cause string) string {
	switch cause {
	case "rejected":
		return "it refused its input after sound had been sent"
	case "no_replica":
		return "no replica was alive"
	case "lost":
		return "its process, or the way to it, was lost"
	case "closed":
		return "its engine was shut down"
	case "hop":
		return "the way from the stage before failed"
	case "timeout":
		return "it took too long"
	case "deadline":
		return "the request's time was up"
	case "reply":
		return "no answer could be made of what it gave"
	case "engine":
		return "its engine failed"
	}
	return cause
}

// silence: answers with sound that nobody can hear, or without any.
func (m *measure) silence(stages names) (Headline, bool) {
	for _, stage := range m.stages() {
		for _, r := range m.of(stage) {
			switch n := r.duration.count + r.skipped; {
			case r.silent > 0:
				return Headline{Level: Bad, Text: fmt.Sprintf("Nothing can be heard of %.0f of %.0f answers of %s.", r.silent, max(n, r.silent), stages.replica(r.at)),
					Why: "Their peak is below -60 dBFS."}, true
			case n > 0 && r.skipped/n > 0.01:
				return Headline{Level: Tight, Text: fmt.Sprintf("%s of answers of %s have no sound.", percent(r.skipped/n), stages.replica(r.at)),
					Why: "They were to have some: vllm:omni_audio_skipped_requests_total says why."}, true
			}
		}
	}
	return Headline{}, false
}

// worst is the replica that most bad events of a goal are of; nil if none is.
func (m *measure) worst(g objective.Objective) (worst *replicaMeasure) {
	most := 0.0
	for _, stage := range m.stages() {
		for _, r := range m.of(stage) {
			h := r.of(g.Family.Name)
			if bad := (1 - h.within(g.Threshold)) * h.count; concerns(g, r.at) && bad > most {
				worst, most = r, bad
			}
		}
	}
	return worst
}

// queued: requests that wait in front of the pipeline.
func (m *measure) queued(names) (Headline, bool) {
	if waiting := zeroed(m.waiting); waiting >= 1 && waiting >= zeroed(m.running) {
		return Headline{Level: Tight, Text: fmt.Sprintf("Requests queue up: %.0f wait while %.0f run.", waiting, zeroed(m.running)),
			Why: "The first stage has no place free: more replicas of it, or more --max-num-seqs, take more at a time."}, true
	}
	return Headline{}, false
}

// degraded: a replica that is out while others carry on.
func (m *measure) degraded(stages names) (Headline, bool) {
	for _, stage := range m.stages() {
		for _, r := range m.of(stage) {
			switch {
			case r.state == "down":
				return Headline{Level: Tight, Text: "One is missing: " + stages.replica(r.at) + " is down.", Why: "The stage's other replicas carry on."}, true
			case r.kv > 0.95 && r.preempted > 0:
				return Headline{Level: Tight, Text: fmt.Sprintf("The KV cache of %s is full: %s.", stages.replica(r.at), count(int(r.preempted), "preemption")),
					Why: "What is preempted is computed again: more --kv-cache-memory-bytes, or another replica."}, true
			}
		}
	}
	return Headline{}, false
}

// count writes a number and its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// finite is v, or nil where there is none.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	v = rounded(v)
	return &v
}
