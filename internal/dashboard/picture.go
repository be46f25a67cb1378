package dashboard

import (
	"fmt"
	"math"
	"strings"

	"github.com/limelight-omni/limelight/internal/objective"
)

// A hop is tight, or bad, when it takes such a share of a request's time, and so
// many seconds of it; where the page does not tell that, when one crossing takes
// so long. Bad is what LimelightSlowHop alerts on.
const (
	hopTight, hopBad               = 0.10, 0.20
	hopTightSeconds, hopBadSeconds = 0.02, 0.05
	crossTight, crossBad           = 0.10, 0.25
)

// Stage is a stage as the picture shows it.
type Stage struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Speaks   bool      `json:"speaks"`
	Failures []Failure `json:"failures,omitempty"`
	Replicas []Replica `json:"replicas"`
}

// Failure is how many requests a stage failed, and of what, in the window.
type Failure struct {
	Cause string  `json:"cause"`
	Count float64 `json:"count"`
}

// Replica is a replica in the window. What the page does not tell of is null.
// Times are in seconds.
type Replica struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Level Level  `json:"level"`
	Why   string `json:"why,omitempty"`

	Requests    *float64 `json:"requests"` // bound to it
	Places      *float64 `json:"places"`
	Running     *float64 `json:"running"`
	Waiting     *float64 `json:"waiting"`
	KV          *float64 `json:"kv"`
	Hits        *float64 `json:"hits"`
	Tokens      *float64 `json:"tokens"`
	Audio       *float64 `json:"audio"` // seconds of sound a second
	FirstOutput *float64 `json:"first_output"`
	TTFT        *float64 `json:"ttft"`
	TTFP        *float64 `json:"ttfp"`
	RTF         *float64 `json:"rtf"`
	Continuity  *float64 `json:"continuity"`
	Heard       float64  `json:"heard"`
	Skipped     float64  `json:"skipped"`
	Silent      float64  `json:"silent"`
	Preempted   float64  `json:"preempted"`
	Retries     float64  `json:"retries"`
	Ejections   float64  `json:"ejections"`
	PageAge     *float64 `json:"page_age"`
}

// Hop is the way between two replicas in the window.
type Hop struct {
	FromStage   string `json:"from_stage"`
	FromReplica string `json:"from_replica"`
	ToStage     string `json:"to_stage"`
	ToReplica   string `json:"to_replica"`
	Level       Level  `json:"level"`
	Why         string `json:"why,omitempty"`

	Rate     float64  `json:"rate"`
	Size     *float64 `json:"size"` // bytes, the mean
	Tx       *float64 `json:"tx"`   // seconds, the means
	InFlight *float64 `json:"in_flight"`
	Rx       *float64 `json:"rx"`
	Time     *float64 `json:"time"`  // the three together
	Slow     *float64 `json:"slow"`  // the 95th percentile of their largest
	Share    *float64 `json:"share"` // of requests' time
}

// picture draws the pipeline of the window.
func (m *measure) picture(goals []objective.Objective, stages names) ([]Stage, []Hop) {
	list := []Stage{}
	for _, id := range m.stages() {
		s := Stage{ID: id, Name: stages.stage(id), Replicas: []Replica{}}
		for f, n := range m.failures {
			if f.stage == id && n > 0 {
				s.Failures = append(s.Failures, Failure{f.cause, n})
			}
		}
		replicas := m.of(id)
		gauged := false
		for _, r := range replicas {
			gauged = gauged || r.gauged
			s.Speaks = s.Speaks || r.speaks
		}
		for _, r := range replicas {
			if gauged && !r.gauged {
				continue // it left, and its counters have not yet
			}
			s.Replicas = append(s.Replicas, m.draw(r, goals))
		}
		list = append(list, s)
	}
	return list, m.drawHops()
}

// draw is one replica.
func (m *measure) draw(r *replicaMeasure, goals []objective.Objective) Replica {
	d := Replica{
		ID: r.at.replica, State: r.state, Level: Idle,
		Requests: finite(r.requests), Places: finite(r.places),
		Running: finite(r.running), Waiting: finite(r.waiting), KV: finite(r.kv), PageAge: finite(r.age),
		FirstOutput: finite(r.firstOutput.quantile(0.95)), TTFT: finite(r.ttft.quantile(0.95)),
		TTFP: finite(r.ttfp.quantile(0.95)), RTF: finite(r.rtf.quantile(0.95)),
		Heard: r.underrun.count, Skipped: r.skipped, Silent: r.silent, Preempted: r.preempted, Retries: r.retries, Ejections: r.ejections,
	}
	if r.makesTokens {
		d.Tokens = finite(r.tokens / m.seconds)
	}
	if r.speaks {
		d.Audio = finite(r.duration.sum / m.seconds)
	}
	if r.lookups > 0 {
		d.Hits = finite(r.hits / r.lookups)
	}
	if r.tokens > 0 || r.duration.count > 0 || r.firstOutput.count > 0 {
		d.Level = Fine
	}
	var why []string
	for _, g := range goals {
		h := r.of(g.Family.Name)
		if !concerns(g, r.at) || h.count <= 0 {
			continue
		}
		good := h.within(g.Threshold)
		if g.Family.Name == underrunName {
			d.Continuity = finite(good)
		}
		l := judge(good, g.Target)
		if l == Tight || l == Bad {
			why = append(why, fmt.Sprintf("%s: %s, objective %s", title(g), percent(good), text(g)))
		}
		d.Level = worse(d.Level, l)
	}
	if d.Continuity == nil {
		d.Continuity = finite(continuity(r.underrun.count, r.continuous))
	}
	note := func(l Level, text string) {
		d.Level, why = worse(d.Level, l), append(why, text)
	}
	if r.silent > 0 {
		note(Bad, fmt.Sprintf("%.0f answers with sound that nobody can hear", r.silent))
	}
	if r.skipped > 0 {
		note(Tight, fmt.Sprintf("%.0f answers without sound", r.skipped))
	}
	if r.kv > 0.95 && r.preempted > 0 {
		note(Tight, "the KV cache is full: "+count(int(r.preempted), "preemption"))
	}
	if r.ejections > 0 {
		note(Bad, "it failed again and again and was left out for a while")
	} else if r.retries > 0 {
		note(Tight, fmt.Sprintf("%.0f requests moved on to another replica", r.retries))
	}
	if r.state == "down" {
		d.Level, why = Bad, append([]string{"it is down and gets nothing new"}, why...)
	}
	d.Why = strings.Join(why, "; ")
	return d
}

// drawHops are the edges that the page has.
func (m *measure) drawHops() []Hop {
	list := []Hop{}
	for _, e := range m.hops() {
		d := Hop{
			FromStage: e.at.from.stage, FromReplica: e.at.from.replica, ToStage: e.at.to.stage, ToReplica: e.at.to.replica, Level: Idle,
			Rate: rounded(e.size.count / m.seconds), Size: finite(e.size.mean()),
			Tx: finite(e.tx.mean()), InFlight: finite(e.fl.mean()), Rx: finite(e.rx.mean()), Time: finite(e.mean()),
		}
		slow := math.NaN()
		for _, h := range []histogram{e.tx, e.fl, e.rx} {
			if q := h.quantile(0.95); !(q <= slow) {
				slow = q
			}
		}
		d.Slow = finite(slow)
		if e.size.count > 0 {
			d.Level, d.Why = m.judgeHop(e)
			share, _ := m.hopShare(e)
			d.Share = finite(share)
		}
		list = append(list, d)
	}
	return list
}

// judgeHop says how an edge does.
func (m *measure) judgeHop(e *edgeMeasure) (Level, string) {
	share, took := m.hopShare(e)
	why := percent(share) + " of requests' time goes into it"
	if !m.attributed {
		share, took, why = e.mean()/crossBad*hopBad, hopBadSeconds, seconds(e.mean())+" for one crossing"
		if e.mean() >= crossTight {
			share = max(share, hopTight)
		}
	}
	switch {
	case share >= hopBad && took >= hopBadSeconds:
		return Bad, why
	case share >= hopTight && took >= hopTightSeconds:
		return Tight, why
	}
	return Fine, ""
}

// hopShare is the part of a request's time that an edge takes, and how many
// seconds that is: of the hops to its replica, as long as the edge is slower than
// they are on average. NaN where the page does not tell where requests' time
// goes.
func (m *measure) hopShare(e *edgeMeasure) (share, took float64) {
	var into, crossings float64
	for at, o := range m.edges {
		if at.to == e.at.to {
			into += o.seconds()
			crossings += o.size.count
		}
	}
	r := m.replicas[e.at.to]
	if !m.attributed || r == nil || r.hops <= 0 || into <= 0 || m.e2e.sum <= 0 {
		return math.NaN(), math.NaN()
	}
	took = r.hop / r.hops * e.mean() / (into / crossings)
	return min(1, took/m.e2e.mean()), took
}
