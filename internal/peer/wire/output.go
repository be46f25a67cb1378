package wire

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

// Parts of an output that most outputs do not have.
const (
	hasEnd byte = 1 << iota // Finish, StopReason and Usage
	hasLogprobs
	hasTold     // Told and More
	hasCourse   // Course, but for Made
	outputParts = hasEnd | hasLogprobs | hasTold | hasCourse
)

// EncodeOutput encodes an output whose sending began at start, in nanoseconds
// of the sender's clock, with room for the stamp.
func EncodeOutput(out engine.Output, start int64) ([]byte, error) {
	size := 96 + len(out.Text) + 4*len(out.Tokens)
	if out.Payload != nil {
		size += 32 + int(out.Payload.Bytes())
	}
	b := make([]byte, 1, size)
	b = appendText(b, out.Text)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(out.Tokens)))
	b = appendInts(b, out.Tokens)
	if out.Finish != "" {
		b[0] |= hasEnd
		b = appendEnd(b, out)
	}
	if out.Logprobs != nil {
		b[0] |= hasLogprobs
		b = appendLogprobs(b, out.Logprobs)
	}
	if out.Told != "" || len(out.More) > 0 {
		b[0] |= hasTold
		b = appendTold(b, out)
	}
	if c := courseOf(out); c != (engine.Course{}) {
		b[0] |= hasCourse
		b = appendCourse(b, c)
	}
	b, err := appendPayload(b, out.Payload)
	if err != nil {
		return nil, err
	}
	b = appendI64(b, start)
	return append(b, make([]byte, StampSize)...), nil
}

// DecodeOutput decodes an output, and when its sending began and ended.
func DecodeOutput(body []byte) (out engine.Output, start, sent int64, err error) {
	r := reader{rest: body}
	parts := r.u8()
	if parts&^outputParts != 0 {
		r.fail("an output with unknown parts %#x", parts)
	}
	out.Text = r.text()
	out.Tokens = r.ints(r.dim(), 1)
	if parts&hasEnd != 0 {
		r.outputEnd(&out)
	}
	if parts&hasLogprobs != 0 {
		out.Logprobs = r.logprobs()
	}
	if parts&hasTold != 0 {
		r.outputTold(&out)
	}
	if parts&hasCourse != 0 {
		r.outputCourse(&out)
	}
	out.Payload = r.payload()
	start, sent = r.i64(), r.i64()
	return out, start, sent, r.end()
}

func appendEnd(b []byte, out engine.Output) []byte {
	b = appendText(b, string(out.Finish))
	b = appendText(b, out.StopReason.Text)
	b = binary.LittleEndian.AppendUint32(b, uint32(out.StopReason.Token))
	if out.StopReason.IsToken {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = appendI64(b, int64(out.Usage.PromptTokens))
	return appendI64(b, int64(out.Usage.CompletionTokens))
}

func (r *reader) outputEnd(out *engine.Output) {
	if out.Finish = engine.FinishReason(r.text()); out.Finish == "" {
		r.fail("an end without a reason")
	}
	out.StopReason = engine.StopReason{Text: r.text(), Token: int32(r.u32()), IsToken: r.flag()}
	out.Usage = engine.Usage{PromptTokens: int(r.i64()), CompletionTokens: int(r.i64())}
}

func appendTold(b []byte, out engine.Output) []byte {
	b = appendText(b, out.Told)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(out.More)))
	for _, name := range slices.Sorted(maps.Keys(out.More)) {
		b = appendText(appendText(b, name), string(out.More[name]))
	}
	return b
}

func (r *reader) outputTold(out *engine.Output) {
	out.Told = r.text()
	n := r.count(8)
	if n == 0 {
		if out.Told == "" {
			r.fail("a part that says nothing")
		}
		return
	}
	out.More = make(map[string][]byte, n)
	last := ""
	for i := range n {
		name := r.text()
		if i > 0 && name <= last {
			r.fail("members out of order")
			return
		}
		out.More[name], last = []byte(r.text()), name
	}
}

// courseOf is what crosses of an output's course: Made is a time of the
// sender's clock.
func courseOf(out engine.Output) engine.Course {
	c := out.Course
	c.Made = time.Time{}
	return c
}

func appendCourse(b []byte, c engine.Course) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Taken))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Awaited))
	b = appendI64(b, int64(c.AfterFull))
	b = appendI64(b, int64(c.Worked))
	if c.Tells {
		return append(b, 1)
	}
	return append(b, 0)
}

func (r *reader) outputCourse(out *engine.Output) {
	out.Course = engine.Course{Taken: r.dim(), Awaited: r.dim(), AfterFull: time.Duration(r.i64()), Worked: time.Duration(r.i64()), Tells: r.flag()}
	if out.Course == (engine.Course{}) {
		r.fail("a part that says nothing")
	}
}

func appendLogprobs(b []byte, all []engine.Logprobs) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(all)))
	for _, l := range all {
		b = appendLogprob(b, l.Chosen)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(l.Top)))
		for _, t := range l.Top {
			b = appendLogprob(b, t)
		}
	}
	return b
}

func appendLogprob(b []byte, l engine.TokenLogprob) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(l.ID))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(l.Logprob))
	b = binary.LittleEndian.AppendUint32(b, uint32(l.Rank))
	return appendText(b, l.Text)
}

// minLogprob is the size of a token's log probability without its text.
const minLogprob = 16

// count reads the length of a list whose elements take at least size bytes.
func (r *reader) count(size int) int {
	n := r.dim()
	if n > len(r.rest)/size {
		r.fail("%d elements in %d bytes", n, len(r.rest))
		return 0
	}
	return n
}

func (r *reader) logprobs() []engine.Logprobs {
	all := make([]engine.Logprobs, r.count(minLogprob+4))
	for i := range all {
		all[i].Chosen = r.logprob()
		if n := r.count(minLogprob); n > 0 {
			all[i].Top = make([]engine.TokenLogprob, n)
		}
		for j := range all[i].Top {
			all[i].Top[j] = r.logprob()
		}
	}
	return all
}

func (r *reader) logprob() engine.TokenLogprob {
	return engine.TokenLogprob{
		ID: int32(r.u32()), Logprob: math.Float32frombits(r.u32()), Rank: int(int32(r.u32())), Text: r.text(),
	}
}
