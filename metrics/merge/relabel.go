package merge

import (
	"bytes"
	"strconv"
	"strings"
)

// relabel gives samples the labels of their source.
type relabel struct {
	// given is what every sample gets, in its braces: model_name, replica, stage.
	given []byte
	// escapes says that the page has a backslash somewhere.
	escapes bool
	// keepEngine keeps the engine label, for pages with several engines.
	keepEngine bool
	// engine is the first value of that label, severalEngines that there is
	// another one.
	engine         []byte
	severalEngines bool

	names  [maxLabels][]byte // of one sample
	values [maxLabels][]byte // with their quotes

	// hash tells the labels of the sample that was relabelled last from others,
	// whatever their order; those of the source aside.
	hash uint64
	last [2]pattern // of samples without a bound and with one: a family has both
}

// pattern is that of samples with the bound.
func (l *relabel) pattern(bound string) *pattern {
	if bound == "" {
		return &l.last[0]
	}
	return &l.last[1]
}

// pattern is what the labels of the last sample became. The next sample's are
// mostly the same but for the bound of a bucket, and need not be taken apart.
type pattern struct {
	known bool
	bound string
	// before and after are the braces up to the bound's value and from it on;
	// without a bound, before is all. They are slices of the page's text.
	before, after []byte
	// relabelled are the same in the page's buffer.
	relabelledBefore, relabelledAfter span
	hash                              uint64 // of the labels but the bound
}

// again appends the relabelled braces of a sample whose labels are the last
// one's, but for the bound's value. It is false when they are not.
func (l *relabel) again(buf *[]byte, text []byte, bound string) ([]byte, bool) {
	p := l.pattern(bound)
	if !p.known || p.bound != bound || !bytes.HasPrefix(text, p.before) {
		return nil, false
	}
	text = text[len(p.before):]
	out := *buf
	if bound == "" {
		*buf = append(out, out[p.relabelledBefore.from:p.relabelledBefore.to]...)
		l.hash = p.hash
		return text, true
	}
	n := len(infinity) // of each histogram's last bucket
	if !bytes.HasPrefix(text, infinity) {
		n = numberLength(text)
	}
	if n == 0 || !bytes.HasPrefix(text[n:], p.after) {
		return nil, false
	}
	at := len(out)
	out = append(out, out[p.relabelledBefore.from:p.relabelledBefore.to]...)
	out = append(out, text[:n]...)
	*buf = append(out, out[p.relabelledAfter.from:p.relabelledAfter.to]...)
	p.relabelledBefore = span{at, at + p.relabelledBefore.to - p.relabelledBefore.from}
	p.relabelledAfter = span{len(*buf) - (p.relabelledAfter.to - p.relabelledAfter.from), len(*buf)}
	l.hash = p.hash + hash(text[:n])
	return text[n+len(p.after):], true
}

var infinity = []byte("+Inf")

var valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// appendGiven appends the labels that a source gives its samples.
func appendGiven(dst []byte, from Source) []byte {
	dst = append(append(dst, `model_name="`...), valueEscapes.Replace(strings.ToValidUTF8(from.ModelName, "\uFFFD"))...)
	dst = strconv.AppendInt(append(dst, `",replica="`...), int64(from.Replica), 10)
	dst = strconv.AppendInt(append(dst, `",stage="`...), int64(from.Stage), 10)
	return append(dst, '"')
}

// The labels that a sample gets, and the one that goes.
const (
	labelModel   = "model_name"
	labelReplica = "replica"
	labelStage   = "stage"
	labelEngine  = "engine"
)

// exported is what comes before the name of a label whose name is taken, as
// Prometheus has it.
const exported = "exported_"

// apply appends the relabelled braces of a sample to buf; text is the line
// after the name. It returns what follows the braces, and false if the labels
// are malformed, or if the label bound, unless it is empty, is not a number
// among them; buf is then spoilt from its old end on.
func (l *relabel) apply(buf *[]byte, text []byte, bound string) ([]byte, bool) {
	if rest, ok := l.again(buf, text, bound); ok {
		return rest, true
	}
	from := len(*buf)
	out := append(*buf, '{')
	out = append(out, l.given...)
	rest, n := text, 0
	if len(text) > 0 && text[0] == '{' {
		var ok bool
		if n, rest, ok = l.split(text[1:]); !ok {
			*buf = out
			return nil, false
		}
	}
	at := -1 // of the bound's value in the buffer
	var value []byte
	var sum uint64 // of the other labels' hashes
	for i, name := range l.names[:n] {
		switch string(name) {
		case labelEngine:
			if l.engine == nil {
				l.engine = l.values[i]
			} else if !bytes.Equal(l.engine, l.values[i]) {
				l.severalEngines = true
			}
			if !l.keepEngine {
				continue
			}
			out = append(out, ',')
		case labelModel, labelReplica, labelStage:
			out = append(out, ',')
			for out = append(out, exported...); l.taken(out, name, n); {
				out = append(out, exported...)
			}
		default:
			out = append(out, ',')
		}
		start := bytes.LastIndexByte(out, ',') + 1 // exported_ may stand there
		out = append(out, name...)
		out = append(out, '=')
		if string(name) == bound {
			at, value = len(out)+1, l.values[i][1:len(l.values[i])-1]
		}
		out = append(out, l.values[i]...)
		if string(name) != bound && len(l.values[i]) > 2 { // a label without a value is none
			sum += hash(out[start:])
		}
	}
	out = append(out, '}')
	*buf = out
	if bound != "" && (at < 0 || len(value) == 0 || numberLength(value) != len(value)) {
		return nil, false
	}
	l.remember(text[:len(text)-len(rest)], bound, value, span{from, len(out)}, at)
	l.pattern(bound).hash, l.hash = sum, sum
	if bound != "" {
		l.hash += hash(value)
	}
	return rest, true
}

// remember keeps the pattern of a sample's braces: text is what they were, in
// the buffer is what they became, the bound's value at at.
func (l *relabel) remember(text []byte, bound string, value []byte, in span, at int) {
	p := l.pattern(bound)
	*p = pattern{known: len(text) > 0, bound: bound, before: text, relabelledBefore: in}
	if bound == "" {
		return
	}
	start := cap(text) - cap(value) // both are slices of the page
	p.before, p.after = text[:start], text[start+len(value):]
	p.relabelledBefore, p.relabelledAfter = span{in.from, at}, span{at + len(value), in.to}
}

// taken says whether one of the n labels has the name that is made of the
// prefix at the end of out and name.
func (l *relabel) taken(out, name []byte, n int) bool {
	prefix := out[bytes.LastIndexByte(out, ',')+1:]
	for _, other := range l.names[:n] {
		if len(other) == len(prefix)+len(name) && bytes.HasPrefix(other, prefix) && bytes.HasSuffix(other, name) {
			return true
		}
	}
	return false
}

// split takes the labels up to the closing brace apart. It returns their
// number and what follows the brace.
func (l *relabel) split(text []byte) (int, []byte, bool) {
	for n := 0; ; n++ {
		text = skipSpace(text)
		if len(text) > 0 && text[0] == '}' {
			return n, text[1:], true
		}
		end := nameLength(text, inLabel)
		if end == 0 || n == maxLabels {
			return 0, nil, false
		}
		name := text[:end]
		text = skipSpace(text[end:])
		if len(text) == 0 || text[0] != '=' || !l.isNew(name, n) {
			return 0, nil, false
		}
		text = skipSpace(text[1:])
		end = quoted(text, l.escapes)
		if end == 0 {
			return 0, nil, false
		}
		l.names[n], l.values[n] = name, text[:end]
		text = skipSpace(text[end:])
		if len(text) > 0 && text[0] == ',' {
			text = text[1:]
		} else if len(text) == 0 || text[0] != '}' {
			return 0, nil, false
		}
	}
}

// isNew says whether name may be a label besides the first n: Prometheus
// refuses a whole page for a label that occurs twice, or for the reserved one.
func (l *relabel) isNew(name []byte, n int) bool {
	for _, other := range l.names[:n] {
		if len(other) == len(name) && string(other) == string(name) {
			return false
		}
	}
	return string(name) != "__name__"
}

func skipSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
		text = text[1:]
	}
	return text
}
