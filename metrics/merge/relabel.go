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

	// Of the sample that was relabelled last:
	hash        uint64 // tells its labels, whatever their order, from others; those of the source aside
	boundLength int    // of its bound's value
	// last is what is known of samples without a bound and with one: a family has both.
	last *[2]pattern
}

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
	var boundValue []byte
	var boundName, sum uint64 // hash of the bound's name, and the sum of the other labels'
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
		value := l.values[i][1 : len(l.values[i])-1]
		if h := hash(out[start : len(out)-1]); string(name) == bound {
			at, boundValue, boundName = len(out)+1, value, h
		} else {
			sum += labelHash(h, value)
		}
		out = append(out, l.values[i]...)
	}
	out = append(out, '}')
	*buf = out
	if bound != "" && (at < 0 || len(boundValue) == 0 || numberLength(boundValue) != len(boundValue)) {
		return nil, false
	}
	p := l.pattern(bound)
	p.learn(text[:len(text)-len(rest)], bound, boundValue, out[from:], at-from)
	p.boundName, p.others = boundName, sum
	l.hash, l.boundLength = sum+labelHash(boundName, boundValue), len(boundValue)
	return rest, true
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
