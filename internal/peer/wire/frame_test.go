package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

func encode(f Frame) []byte { return append(f.Header(), f.Part...) }

func part(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }

func TestFrameCrosses(t *testing.T) {
	for _, want := range []Frame{
		{Kind: KindDrain},
		{Kind: KindHello, Part: []byte("x")},
		{Kind: KindData, Stream: 1<<64 - 1, More: true, Part: part(MaxPart, 7)},
	} {
		got, err := ParseFrame(encode(want))
		if err != nil || got.Kind != want.Kind || got.Stream != want.Stream || got.More != want.More || !bytes.Equal(got.Part, want.Part) {
			t.Errorf("%d bytes of kind %d on stream %d, more: %v, %v", len(got.Part), got.Kind, got.Stream, got.More, err)
		}
	}
}

func TestMalformedFramesAreRefused(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":                 nil,
		"half a header":           make([]byte, headerSize-1),
		"kind 0":                  encode(Frame{Kind: 0}),
		"a kind that is not one":  encode(Frame{Kind: kinds}),
		"a part that is too long": encode(Frame{Kind: KindData, Part: part(MaxPart+1, 1)}),
		"a part that is short though the message goes on": encode(Frame{Kind: KindData, More: true, Part: part(MaxPart-1, 1)}),
	} {
		if _, err := ParseFrame(data); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterleavedMessagesArePutTogetherEachInItsOrder(t *testing.T) {
	var a Assembler
	add := func(f Frame) (Message, bool) {
		t.Helper()
		m, whole, err := a.Add(f)
		if err != nil {
			t.Fatal(err)
		}
		return m, whole
	}
	for _, f := range []Frame{
		{Kind: KindData, Stream: 1, More: true, Part: part(MaxPart, 1)},
		{Kind: KindOutput, Stream: 2, More: true, Part: part(MaxPart, 2)},
		{Kind: KindData, Stream: 1, More: true, Part: part(MaxPart, 3)},
	} {
		if _, whole := add(f); whole {
			t.Fatal("half a message is a whole one")
		}
	}
	if m, whole := add(Frame{Kind: KindPing, Part: []byte("p")}); !whole || string(m.Body) != "p" {
		t.Errorf("a short message between: %q, %v", m.Body, whole)
	}
	if m, whole := add(Frame{Kind: KindOutput, Stream: 2, Part: []byte("end")}); !whole || m.Kind != KindOutput || m.Stream != 2 || !bytes.Equal(m.Body, append(part(MaxPart, 2), "end"...)) {
		t.Errorf("stream 2: %d bytes of kind %d, %v", len(m.Body), m.Kind, whole)
	}
	if m, whole := add(Frame{Kind: KindData, Stream: 1}); !whole || !bytes.Equal(m.Body, append(part(MaxPart, 1), part(MaxPart, 3)...)) {
		t.Errorf("stream 1: %d bytes, %v", len(m.Body), whole)
	}
	if a.held != 0 || len(a.begun) != 0 {
		t.Errorf("%d bytes of %d messages are kept", a.held, len(a.begun))
	}
}

func TestMessageOfTwoKindsIsRefused(t *testing.T) {
	var a Assembler
	if _, _, err := a.Add(Frame{Kind: KindData, Stream: 1, More: true, Part: part(MaxPart, 1)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Add(Frame{Kind: KindOutput, Stream: 1}); !errors.Is(err, ErrMalformed) {
		t.Errorf("error %v", err)
	}
}

func TestMessagesThatGrowWithoutEndAreRefused(t *testing.T) {
	a := Assembler{held: MaxMessage - MaxPart}
	for stream := uint64(1); stream <= 2; stream++ {
		_, _, err := a.Add(Frame{Kind: KindData, Stream: stream, More: true, Part: part(MaxPart, 1)})
		if (err != nil) != (stream == 2) {
			t.Errorf("stream %d: %v", stream, err)
		}
	}
}

// FuzzFrames feeds a connection's reader: frames are cut out of the input by
// their first two bytes, put together, and decoded as what they say they are.
func FuzzFrames(f *testing.F) {
	data, err := EncodeData(&engine.Embeddings{Width: 2, Prompt: make([]float32, 4), Text: []float32{1, 2}})
	if err != nil {
		f.Fatal(err)
	}
	codes, err := EncodeData(&engine.Frames{Groups: 2, Codes: []int32{1, 2}})
	if err != nil {
		f.Fatal(err)
	}
	output, err := EncodeOutput(engine.Output{
		Text: "t", Tokens: []int32{1}, Logprobs: []engine.Logprobs{{Top: make([]engine.TokenLogprob, 1)}},
		Finish: engine.FinishStop, Payload: &engine.Audio{Samples: []float32{1}, Rate: 24000},
	}, 1)
	if err != nil {
		f.Fatal(err)
	}
	seed := func(frames ...Frame) {
		var all []byte
		for _, frame := range frames {
			b := encode(frame)
			all = append(append(all, byte(len(b)), byte(len(b)>>8)), b...)
		}
		f.Add(all)
	}
	seed(Frame{Kind: KindHello, Part: EncodeJSON(Hello{Version: Version, Stages: []string{"talker"}})}, Frame{Kind: KindWelcome, Part: EncodeJSON(Welcome{Version: Version})})
	seed(Frame{Kind: KindStart, Stream: 1, Part: Start{Stage: "talker"}.Encode()}, Frame{Kind: KindData, Stream: 1, Part: data}, Frame{Kind: KindData, Stream: 1, Part: codes}, Frame{Kind: KindCloseSend, Stream: 1})
	seed(Frame{Kind: KindArrived, Stream: 1, Part: Arrived{1, 2, 3}.Encode()}, Frame{Kind: KindReleased, Stream: 1, Part: EncodeCount(1)}, Frame{Kind: KindOutput, Stream: 1, Part: output}, Frame{Kind: KindCredit, Stream: 1, Part: EncodeCount(8)})
	seed(Frame{Kind: KindDone, Stream: 1, Part: EncodeDone(&engine.RejectedError{Reason: "r", Err: engine.ErrClosed})}, Frame{Kind: KindAbort, Stream: 1}, Frame{Kind: KindDone, Part: EncodeDone(errors.New("why"))})
	seed(Frame{Kind: KindPing, Part: EncodePing()}, Frame{Kind: KindPong, Part: Pong{1, 2, 3}.Encode()}, Frame{Kind: KindDrain})
	seed(Frame{Kind: KindPage, Stream: 2, Part: EncodeJSON(PageOf{Stage: "talker", Replica: 1})}, Frame{Kind: KindPaged, Stream: 2, Part: EncodePaged([]byte("vllm:x 1\n"), nil)}, Frame{Kind: KindPaged, Stream: 3, Part: EncodePaged(nil, errors.New("why"))})
	f.Fuzz(func(t *testing.T, input []byte) {
		var a Assembler
		for len(input) >= 2 {
			n := min(int(input[0])|int(input[1])<<8, len(input)-2)
			cut := input[2 : 2+n]
			input = input[2+n:]
			frame, err := ParseFrame(cut)
			if err != nil {
				return // the connection ends
			}
			if again := encode(frame); !bytes.Equal(again, cut) {
				t.Fatalf("frame %x is read as %x", cut, again)
			}
			m, whole, err := a.Add(frame)
			if err != nil {
				return
			}
			if whole {
				decode(t, m)
			}
		}
	})
}

// decode decodes a message. What can be decoded must be encoded to the same
// bytes again: nothing is left out or made up.
func decode(t *testing.T, m Message) {
	same := func(again []byte, err error) {
		t.Helper()
		if err != nil || !bytes.Equal(again, m.Body) {
			t.Fatalf("kind %d: %x is read as %x, %v", m.Kind, m.Body, again, err)
		}
	}
	switch m.Kind {
	case KindHello:
		_, _ = Peek(m.Body)
		_ = DecodeJSON(m.Body, new(Hello))
	case KindWelcome:
		_ = DecodeJSON(m.Body, new(Welcome))
	case KindStart:
		_ = DecodeJSON(m.Body, new(Start))
	case KindData:
		if p, sent, err := DecodeData(m.Body); err == nil {
			b, err := EncodeData(p)
			if err == nil {
				Stamp(b, sent)
			}
			same(b, err)
		}
	case KindOutput:
		if out, start, sent, err := DecodeOutput(m.Body); err == nil {
			b, err := EncodeOutput(out, start)
			if err == nil {
				Stamp(b, sent)
			}
			same(b, err)
		}
	case KindArrived:
		if v, err := DecodeArrived(m.Body); err == nil {
			same(v.Encode(), nil)
		}
	case KindReleased, KindCredit:
		if n, err := DecodeCount(m.Body); err == nil {
			same(EncodeCount(n), nil)
		}
	case KindDone:
		if ended, err := DecodeDone(m.Body); err == nil {
			same(EncodeDone(ended), nil)
		}
	case KindPage:
		_ = DecodeJSON(m.Body, new(PageOf))
	case KindPaged:
		if page, failed, err := DecodePaged(m.Body); err == nil {
			same(EncodePaged(page, failed), nil)
		}
	case KindPong:
		if p, err := DecodePong(m.Body); err == nil {
			b := p.Encode()
			Stamp(b, p.Sent)
			same(b, nil)
		}
	case KindPing:
		_, _ = DecodePing(m.Body)
	}
}
