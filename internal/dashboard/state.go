package dashboard

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// State is what the page draws.
type State struct {
	// Boot tells this server's states from those of one before it.
	Boot string `json:"boot"`
	// Step is the newest step; the first one is 1.
	Step int64 `json:"step"`
	// First is the step that Times and the charts' values begin with.
	First int64 `json:"first"`
	// Interval is the time between two steps, Window what the headline, the
	// objectives and the picture speak of, History how far the charts may go back;
	// all in seconds.
	Interval float64 `json:"interval"`
	Window   float64 `json:"window"`
	History  float64 `json:"history"`
	Model    string  `json:"model"`
	// Address is whose numbers they are; empty for the server's own.
	Address string `json:"address,omitempty"`
	// Off says why there are no numbers, and Problem why the newest reading failed.
	Off     string `json:"off,omitempty"`
	Problem string `json:"problem,omitempty"`
	// Requests is the version of the requests worth a look; -1 if nobody tells of
	// requests.
	Requests int64 `json:"requests"`
	// LeftOut is how many series of the page there was no room for.
	LeftOut int `json:"left_out,omitempty"`

	Headline Headline   `json:"headline"`
	Totals   Totals     `json:"totals"`
	Goals    []GoalMet  `json:"goals"`
	Stages   []Stage    `json:"stages"`
	Hops     []Hop      `json:"hops"`
	Times    []unixTime `json:"times"`
	Charts   []Chart    `json:"charts"`
}

// Totals are numbers of the whole pipeline in the window.
type Totals struct {
	Running *float64 `json:"running"`
	Waiting *float64 `json:"waiting"`
	Rate    *float64 `json:"rate"`  // ends a second
	Audio   *float64 `json:"audio"` // seconds of sound a second
	Tokens  *float64 `json:"tokens"`
	CPU     *float64 `json:"cpu"`    // cores
	Memory  *float64 `json:"memory"` // bytes
}

// GoalMet is how an objective is met.
type GoalMet struct {
	Name   string   `json:"name"`
	Title  string   `json:"title"`
	Text   string   `json:"text"`
	Target float64  `json:"target"`
	Good   *float64 `json:"good"` // the share of good events
	Events float64  `json:"events"`
	Level  Level    `json:"level"`
}

// unixTime is a time in seconds, to the millisecond.
type unixTime float64

// MarshalJSON implements json.Marshaler.
func (t unixTime) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t), 'f', -1, 64), nil
}

// document is an encoded answer. It is made once for all who ask.
type document struct {
	tag         string // the entity tag, quoted
	plain, gzip []byte
}

// tailSteps is how many steps an answer to a viewer who follows has at most.
const tailSteps = 16

// state returns the state for a viewer who has the steps up to after: the newest
// ones, or all that are kept.
func (b *Board) state(after int64) (document, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	whole := after <= 0 || after > b.lines.step || b.lines.step-after > tailSteps
	kind, first := 1, b.lines.first(b.lines.step-tailSteps)
	if whole {
		kind, first = 0, b.lines.first(0)
	}
	d := &b.states[kind]
	requests := b.o.Requests.changed()
	tag := fmt.Sprintf(`"%s-%d-%d-%d"`, b.boot, kind, b.lines.step, requests)
	if d.tag == tag {
		return *d, nil
	}
	made, err := encode(tag, b.build(first, requests))
	if err != nil {
		return document{}, err
	}
	*d = made
	return made, nil
}

// worth returns the requests that are worth a look.
func (b *Board) worth() (document, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.o.now()
	tag := fmt.Sprintf(`"%s-%d-%d"`, b.boot, b.o.Requests.changed(), now.Unix()/int64(window/time.Second))
	if b.requests.tag == tag {
		return b.requests, nil
	}
	made, err := encode(tag, b.o.Requests.body(now))
	if err != nil {
		return document{}, err
	}
	b.requests = made
	return made, nil
}

// build makes the state. The caller holds mu.
func (b *Board) build(first, requests int64) State {
	s := State{
		Boot: b.boot, Step: b.lines.step, First: first,
		Interval: b.o.Interval.Seconds(), History: history.Seconds(),
		Model: b.model, Address: b.o.Address, Off: b.o.Off, Problem: b.problem, Requests: requests, LeftOut: b.tracks.left,
		Goals: []GoalMet{}, Stages: []Stage{}, Hops: []Hop{}, Times: []unixTime{},
	}
	if b.o.Requests == nil {
		s.Requests = -1
	}
	for step := first; step <= b.lines.step; step++ {
		s.Times = append(s.Times, unixTime(b.lines.times[b.lines.place(step)]))
	}
	s.Charts = b.lines.charts(b.o.Objectives, first)
	switch {
	case s.Off != "":
		s.Headline = Headline{Level: Idle, Text: "Statistics are off.", Why: s.Off}
		return s
	case !b.seen && s.Problem != "":
		s.Headline = Headline{Level: Bad, Text: "The page can't be read.", Why: s.Problem}
		return s
	case !b.seen:
		s.Headline = Headline{Level: Idle, Text: "Looking for the first time…", Why: ""}
		return s
	}
	span := b.span()
	m := b.tracks.measure(true, span.Seconds())
	s.Window = rounded(span.Seconds())
	s.Totals = m.totals()
	for _, g := range b.o.Objectives {
		v := m.judge(g)
		s.Goals = append(s.Goals, GoalMet{g.Name, title(g), text(g), g.Target, finite(v.good), v.events, v.level})
	}
	s.Stages, s.Hops = m.picture(b.o.Objectives, b.names)
	switch {
	case s.Problem != "":
		s.Headline = Headline{Level: Bad, Text: "The page can't be read any more.", Why: s.Problem}
	case !m.omni && !m.engines:
		s.Headline = Headline{Level: Idle, Text: "This page says nothing of requests.", Why: "It has no sample of vLLM-Omni's or vLLM's families. Is the server's recording on (--log-stats)?"}
	default:
		s.Headline = m.headline(b.o.Objectives, b.names)
	}
	return s
}

func (m *measure) totals() Totals {
	ended, _ := m.ended()
	t := Totals{Running: finite(m.running), Waiting: finite(m.waiting), Rate: finite(ended / m.seconds), Memory: finite(m.memory)}
	var tokens, audio float64
	for _, r := range m.replicas {
		tokens += r.tokens
		audio += r.duration.sum
		if r.makesTokens {
			t.Tokens = finite(tokens / m.seconds)
		}
		if r.speaks {
			t.Audio = finite(audio / m.seconds)
		}
	}
	if m.cpu > 0 {
		t.CPU = finite(m.cpu / m.seconds)
	}
	return t
}

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a level that there is
	return z
}}

// encode makes an answer, plain and compressed.
func encode(tag string, v any) (document, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return document{}, fmt.Errorf("state: %w", err)
	}
	var small bytes.Buffer
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(&small)
	_, _ = z.Write(plain) // a buffer takes everything
	_ = z.Close()
	return document{tag, plain, small.Bytes()}, nil
}
