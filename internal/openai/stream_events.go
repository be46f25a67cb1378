package openai

import "strconv"

// What the streams of every kind have in common.

// UsageEvents says which events of a stream count tokens.
type UsageEvents struct {
	// Last adds an event without a choice at the end.
	Last bool
	// Continuous adds the count so far to every event.
	Continuous bool
}

// usageSchema is stream_options.
var usageSchema = schema[UsageEvents]{
	fields: map[string]field[UsageEvents]{
		"include_usage":          booleanField(func(u *UsageEvents) *bool { return &u.Last }),
		"continuous_usage_stats": booleanField(func(u *UsageEvents) *bool { return &u.Continuous }),
	},
	unsupported: map[string][]string{"include_obfuscation": {"false"}},
}

// end closes an event of OpenAI's shape. When the last event counts tokens,
// the others say that they don't.
func (e UsageEvents) end(dst []byte, u Usage) []byte {
	switch {
	case e.Continuous:
		dst = append(dst, `,"usage":`...)
		dst = u.append(dst)
	case e.Last:
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

// last appends the event without a choice that counts all tokens, if it was asked
// for.
func (e UsageEvents) last(dst, envelope []byte, u Usage) []byte {
	if !e.Last {
		return dst
	}
	dst = append(dst, envelope...)
	dst = append(dst, `],"usage":`...)
	dst = u.append(dst)
	return append(dst, "}\n\n"...)
}

// appendEnvelope appends what every event of a stream begins with, up to its
// choices.
func appendEnvelope(dst []byte, object, id, model string, created int64) []byte {
	dst = append(dst, `data: {"id":`...)
	dst = appendJSON(dst, id)
	dst = append(dst, `,"object":"`...)
	dst = append(dst, object...)
	dst = append(dst, `","created":`...)
	dst = strconv.AppendInt(dst, created, 10)
	dst = append(dst, `,"model":`...)
	dst = appendJSON(dst, model)
	return append(dst, `,"choices":[`...)
}
