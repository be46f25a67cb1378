package check

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// line reads one sample line from left to right.
type line struct{ rest string }

func (l *line) blanks() { l.rest = strings.TrimLeft(l.rest, " \t") }

// take cuts c off the front; false if something else stands there.
func (l *line) take(c byte) bool {
	if l.rest == "" || l.rest[0] != c {
		return false
	}
	l.rest = l.rest[1:]
	return true
}

// word takes what stands before the next blank.
func (l *line) word() string {
	l.blanks()
	end := strings.IndexAny(l.rest, " \t")
	if end < 0 {
		end = len(l.rest)
	}
	word := l.rest[:end]
	l.rest = l.rest[end:]
	l.blanks()
	return word
}

// name takes a metric's or a label's name; colons are for metrics only.
func (l *line) name(colons bool) string {
	end := 0
	for end < len(l.rest) && nameByte(l.rest[end], end > 0, colons) {
		end++
	}
	name := l.rest[:end]
	l.rest = l.rest[end:]
	return name
}

func nameByte(c byte, inside, colons bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || inside && c >= '0' && c <= '9' || colons && c == ':'
}

func validName(name string) bool {
	l := line{name}
	return name != "" && l.name(true) == name
}

// quoted takes a string in double quotes.
func (l *line) quoted() (string, error) {
	if !l.take('"') {
		return "", fmt.Errorf("%s where a quote is expected", l.next())
	}
	plain := strings.IndexAny(l.rest, `"\`)
	if plain < 0 {
		return "", errors.New("line ends inside a label value")
	}
	var b strings.Builder
	if l.rest[plain] == '\\' {
		b.WriteString(l.rest[:plain])
	}
	for i := plain; i < len(l.rest); i++ {
		switch c := l.rest[i]; c {
		case '"':
			s := b.String()
			if i == plain { // nothing was escaped
				s = l.rest[:plain]
			}
			l.rest = l.rest[i+1:]
			if !utf8.ValidString(s) {
				return "", errors.New("label value is not valid UTF-8")
			}
			return s, nil
		case '\\':
			i++
			if i == len(l.rest) {
				return "", errors.New("line ends inside a label value")
			}
			switch e := l.rest[i]; e {
			case 'n':
				b.WriteByte('\n')
			case '\\', '"':
				b.WriteByte(e)
			default:
				return "", fmt.Errorf(`unknown escape \%c in a label value`, e)
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("line ends inside a label value")
}

// next describes what stands at the front, for an error.
func (l *line) next() string {
	if l.rest == "" {
		return "end of line"
	}
	r, _ := utf8.DecodeRuneInString(l.rest)
	return strconv.QuoteRune(r)
}

// labels takes {name="value",...}; a metric's name may stand first, in quotes.
func (l *line) labels() (metric string, labels []Label, err error) {
	if !l.take('{') {
		return "", nil, nil
	}
	for {
		l.blanks()
		if l.take('}') {
			break
		}
		if strings.HasPrefix(l.rest, `"`) {
			if metric, err = l.quoted(); err != nil {
				return "", nil, err
			}
		} else {
			name := l.name(false)
			if name == "" {
				return "", nil, fmt.Errorf("%s where a label name is expected", l.next())
			}
			l.blanks()
			if !l.take('=') {
				return "", nil, fmt.Errorf("%s after label %s, where = is expected", l.next(), name)
			}
			l.blanks()
			value, err := l.quoted()
			if err != nil {
				return "", nil, fmt.Errorf("label %s: %w", name, err)
			}
			labels = append(labels, Label{name, value})
		}
		l.blanks()
		if l.take(',') {
			continue
		}
		if l.take('}') {
			break
		}
		return "", nil, fmt.Errorf("%s where , or } is expected", l.next())
	}
	slices.SortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(labels); i++ {
		if labels[i].Name == labels[i-1].Name {
			return "", nil, fmt.Errorf("label %s stands twice", labels[i].Name)
		}
	}
	return metric, labels, nil
}

// sample reads a whole sample line. Exemplars says whether one was there.
func (l *line) sample() (s Sample, exemplar bool, err error) {
	s.Name = l.name(true)
	l.blanks()
	quoted, labels, err := l.labels()
	if err != nil {
		return s, false, err
	}
	switch {
	case s.Name == "" && quoted == "":
		return s, false, fmt.Errorf("%s where a metric name is expected", l.next())
	case s.Name != "" && quoted != "":
		return s, false, fmt.Errorf("two metric names, %s and %q", s.Name, quoted)
	case s.Name == "":
		s.Name = quoted
	}
	s.Labels = labels
	if s.Value, err = number(l.word()); err != nil {
		return s, false, fmt.Errorf("value %w", err)
	}
	if l.rest != "" && l.rest[0] != '#' {
		if _, err := number(l.word()); err != nil {
			return s, false, fmt.Errorf("timestamp %w", err)
		}
	}
	if l.rest == "" {
		return s, false, nil
	}
	if err := l.exemplar(); err != nil {
		return s, true, fmt.Errorf("exemplar: %w", err)
	}
	return s, true, nil
}

// maxExemplarRunes is OpenMetrics' bound for names and values of an exemplar's
// labels together.
const maxExemplarRunes = 128

// exemplar takes what stands after a sample in OpenMetrics.
func (l *line) exemplar() error {
	if !l.take('#') {
		return fmt.Errorf("%s after the value", l.next())
	}
	l.blanks()
	if !strings.HasPrefix(l.rest, "{") {
		return fmt.Errorf("%s where its labels are expected", l.next())
	}
	_, labels, err := l.labels()
	if err != nil {
		return err
	}
	runes := 0
	for _, label := range labels {
		runes += utf8.RuneCountInString(label.Name) + utf8.RuneCountInString(label.Value)
	}
	if runes > maxExemplarRunes {
		return fmt.Errorf("labels of %d characters, %d are allowed", runes, maxExemplarRunes)
	}
	if _, err := number(l.word()); err != nil {
		return fmt.Errorf("value %w", err)
	}
	if l.rest == "" {
		return nil
	}
	if _, err := number(l.word()); err != nil {
		return fmt.Errorf("timestamp %w", err)
	}
	if l.rest != "" {
		return fmt.Errorf("%s after the timestamp", l.next())
	}
	return nil
}

// number reads a value as Go and Python write it: 5, 5.0, 1e+06, NaN, +Inf, the
// last two in any case of letters.
func number(text string) (float64, error) {
	switch strings.ToLower(text) {
	case "":
		return 0, errors.New("is missing")
	case "+inf", "inf":
		return math.Inf(1), nil
	case "-inf":
		return math.Inf(-1), nil
	case "nan":
		return math.NaN(), nil
	}
	for _, c := range text { // ParseFloat takes more than the formats do: 0x1p4, 1_000, infinity
		if !strings.ContainsRune("0123456789+-.eE", c) {
			return 0, fmt.Errorf("%q is not a number", text)
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return v, nil
}
