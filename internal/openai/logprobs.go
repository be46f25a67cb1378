package openai

import (
	"math"
	"strconv"
)

// TokenLogprob is a token's log probability. Token holds its bytes, which alone
// need not be whole characters; a token without text shows as its ID.
type TokenLogprob struct {
	ID      int64
	Token   string
	Logprob float32
}

// Logprobs tells how likely a token of the reply was, and the likeliest ones.
type Logprobs struct {
	TokenLogprob
	Top []TokenLogprob
}

// leastLogprob stands for what has no finite logarithm, which JSON has no number
// for; vLLM writes the same.
const leastLogprob = -9999

// appendLogprobs appends a choice's logprobs as the chat API has them, null if
// there are none.
func appendLogprobs(dst []byte, list []Logprobs) []byte {
	if len(list) == 0 {
		return append(dst, "null"...)
	}
	dst = append(dst, `{"content":[`...)
	for i, l := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = l.append(dst)
		dst = append(dst, `,"top_logprobs":[`...)
		for k, top := range l.Top {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(top.append(dst), '}')
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, `],"refusal":null}`...)
}

// append appends the token's object but for its closing brace.
func (t TokenLogprob) append(dst []byte) []byte {
	dst = append(dst, `{"token":`...)
	dst = t.appendName(dst)
	dst = append(dst, `,"logprob":`...)
	dst = appendLogprob(dst, t.Logprob)
	if t.Token == "" {
		return append(dst, `,"bytes":null`...)
	}
	dst = append(dst, `,"bytes":[`...)
	for i := range len(t.Token) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(t.Token[i]), 10)
	}
	return append(dst, ']')
}

// appendName appends the token's text as a JSON string.
func (t TokenLogprob) appendName(dst []byte) []byte {
	if t.Token != "" {
		return appendJSON(dst, t.Token)
	}
	dst = append(dst, `"token_id:`...)
	dst = strconv.AppendInt(dst, t.ID, 10)
	return append(dst, '"')
}

// sameName says whether two tokens show the same text: those of bytes that are
// no characters may.
func (t TokenLogprob) sameName(u TokenLogprob) bool {
	if t.Token == "" || u.Token == "" {
		return t.Token == u.Token && t.ID == u.ID
	}
	return t.Token == u.Token || string([]rune(t.Token)) == string([]rune(u.Token))
}

func appendLogprob(dst []byte, logprob float32) []byte {
	return strconv.AppendFloat(dst, math.Max(float64(logprob), leastLogprob), 'g', -1, 32)
}
