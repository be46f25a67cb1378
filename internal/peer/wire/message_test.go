package wire

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/limelight-omni/limelight/internal/engine"
)

// fill sets every field below v to something that is not its zero value.
func fill(v reflect.Value, n *int) {
	*n++
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		*at = time.Unix(int64(*n), 0)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.String:
		v.SetString(strings.Repeat("é", *n%5+1))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n)
			fill(value, n)
			v.SetMapIndex(key, value)
		}
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(^uint64(*n) >> (64 - v.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Interface, reflect.Pointer: // a payload, which has a test of its own; a group, which does not cross
	default:
		panic("BUG: the test cannot fill a " + v.Kind().String())
	}
}

func TestEveryFieldOfARequestCrosses(t *testing.T) {
	sent := Start{Stage: "talker", Replica: 3}
	n := 0
	fill(reflect.ValueOf(&sent.Request).Elem(), &n)
	sent.Request.Group = engine.NewGroup(2)
	want := sent // but for what is of no use there
	r := &want.Request
	r.Arrived, r.Group, r.Relay = time.Time{}, nil, nil
	var got Start
	if err := DecodeJSON(sent.Encode(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a request changed on its way (-want +got):\n%s", diff)
	}
	got = Start{}
	if err := DecodeJSON(Start{}.Encode(), &got); err != nil || got.Request.Tokens != nil {
		t.Errorf("tokens %v of a request without a prompt, %v", got.Request.Tokens, err)
	}
}

func TestEveryFieldOfAnOutputCrosses(t *testing.T) {
	var full engine.Output
	n := 0
	fill(reflect.ValueOf(&full).Elem(), &n)
	full.Course.Made = time.Time{} // of the sender's clock
	full.Payload = &engine.Audio{Samples: []float32{1, -1}, Rate: 24000}
	full.Logprobs[0].Chosen.Logprob = float32(math.Inf(-1))
	full.Logprobs[0].Chosen.Text = "\xff"
	for name, want := range map[string]engine.Output{
		"full":                              full,
		"empty":                             {},
		"token":                             {Text: "a", Tokens: []int32{-1, 7}},
		"end":                               {Finish: engine.FinishStop},
		"no log probabilities though asked": {Logprobs: []engine.Logprobs{}},
	} {
		body, err := EncodeOutput(want, 11)
		if err != nil {
			t.Fatal(err)
		}
		Stamp(body, 12)
		got, start, sent, err := DecodeOutput(body)
		if err != nil || start != 11 || sent != 12 {
			t.Fatalf("%s: %v, began at %d, sent at %d", name, err, start, sent)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s changed on its way (-want +got):\n%s", name, diff)
		}
	}
}

func TestPayloadsCrossBitForBit(t *testing.T) {
	odd := []float32{0, float32(math.Copysign(0, -1)), 1e-45, math.MaxFloat32, float32(math.Inf(1)), -3.25}
	for _, want := range []engine.Payload{
		&engine.Embeddings{Width: 3, Prompt: odd, Text: odd[:3]},
		&engine.Embeddings{Width: 2048},
		&engine.Frames{Groups: 2, Codes: []int32{0, -1, math.MaxInt32, math.MinInt32}},
		&engine.Frames{Groups: 16},
		&engine.Audio{Rate: 24000, Samples: odd},
		&engine.Audio{Rate: 24000},
	} {
		body, err := EncodeData(want)
		if err != nil {
			t.Fatal(err)
		}
		Stamp(body, -5)
		got, sent, err := DecodeData(body)
		if err != nil || sent != -5 {
			t.Fatalf("%T: %v, sent at %d", want, err, sent)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T changed on its way (-want +got):\n%s", want, diff)
		}
	}
}

type stranger struct{}

func (stranger) Bytes() int64 { return 0 }

func TestPayloadWithoutAShapeIsNotSent(t *testing.T) {
	for _, p := range []engine.Payload{
		stranger{},
		&engine.Embeddings{Width: 2, Text: make([]float32, 3)},
		&engine.Embeddings{Text: make([]float32, 3)},
		&engine.Frames{Groups: 16, Codes: make([]int32, 15)},
	} {
		if _, err := EncodeData(p); err == nil {
			t.Errorf("%+v was encoded", p)
		}
	}
}

// TestEveryBitOfAPayloadIsGuarded flips each bit of a payload in turn.
func TestEveryBitOfAPayloadIsGuarded(t *testing.T) {
	body, err := EncodeData(&engine.Frames{Groups: 2, Codes: []int32{1, 2, 3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	sums := 0
	for bit := range 8 * (len(body) - StampSize) {
		body[bit/8] ^= 1 << (bit % 8)
		_, _, err := DecodeData(body)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("bit %d is flipped: %v", bit, err)
		}
		if errors.Is(err, ErrChecksum) {
			sums++
		}
		body[bit/8] ^= 1 << (bit % 8)
	}
	if sums < 8*16 {
		t.Errorf("the checksum found %d flips, want at least those of the values", sums)
	}
}

func TestEndsKeepTheirMeaning(t *testing.T) {
	for _, want := range []error{nil, engine.ErrAborted, engine.ErrClosed, errors.New("it broke")} {
		got, err := DecodeDone(EncodeDone(want))
		if err != nil || want == nil && got != nil || want != nil && (got == nil || got.Error() != want.Error()) {
			t.Errorf("end %v became %v, %v", want, got, err)
		}
	}
	for _, known := range []error{engine.ErrAborted, engine.ErrClosed} {
		if got, _ := DecodeDone(EncodeDone(known)); !errors.Is(got, known) {
			t.Errorf("%v is not recognized", known)
		}
	}
	got, err := DecodeDone(EncodeDone(&engine.RejectedError{Reason: "malformed_codec", Err: errors.New("code 9")}))
	var rejected *engine.RejectedError
	if err != nil || !errors.As(got, &rejected) || rejected.Reason != "malformed_codec" || rejected.Err.Error() != "code 9" {
		t.Errorf("a rejection became %v, %v", got, err)
	}
}

func TestTruncatedMessagesAreMalformed(t *testing.T) {
	output, err := EncodeOutput(engine.Output{
		Text: "text", Tokens: []int32{1}, Finish: engine.FinishStop, Payload: &engine.Audio{Samples: make([]float32, 3), Rate: 1},
		Logprobs: []engine.Logprobs{{Top: make([]engine.TokenLogprob, 2)}},
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	data, err := EncodeData(&engine.Embeddings{Width: 2, Prompt: make([]float32, 4)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body   []byte
		decode func([]byte) error
	}{
		"output":  {output, func(b []byte) error { _, _, _, err := DecodeOutput(b); return err }},
		"data":    {data, func(b []byte) error { _, _, err := DecodeData(b); return err }},
		"arrived": {Arrived{1, 2, 3}.Encode(), func(b []byte) error { _, err := DecodeArrived(b); return err }},
		"pong":    {Pong{1, 2, 3}.Encode(), func(b []byte) error { _, err := DecodePong(b); return err }},
		"ping":    {EncodePing(), func(b []byte) error { _, err := DecodePing(b); return err }},
		"count":   {EncodeCount(4), func(b []byte) error { _, err := DecodeCount(b); return err }},
		"done":    {EncodeDone(errors.New("why")), func(b []byte) error { _, err := DecodeDone(b); return err }},
		"no page": {EncodePaged(nil, errors.New("why")), func(b []byte) error { _, _, err := DecodePaged(b); return err }},
		"page of": {EncodeJSON(PageOf{Stage: "talker", Replica: 1}), func(b []byte) error { return DecodeJSON(b, new(PageOf)) }},
		"start":   {Start{Stage: "talker"}.Encode(), func(b []byte) error { return DecodeJSON(b, new(Start)) }},
	} {
		if err := c.decode(c.body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range len(c.body) {
			if err := c.decode(c.body[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s cut to %d of %d bytes: %v", name, n, len(c.body), err)
			}
		}
		if err := c.decode(append(c.body, 1)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s with a byte too many: %v", name, err)
		}
	}
}

func TestUnknownFieldOfAStartIsRefusedAndNotLeftOut(t *testing.T) {
	if err := DecodeJSON([]byte(`{"stage":"talker","mood":"sad"}`), new(Start)); !errors.Is(err, ErrMalformed) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkOutputOfAToken(b *testing.B) {
	out := engine.Output{Text: " word", Tokens: []int32{42}, Payload: &engine.Embeddings{Width: 2048, Text: make([]float32, 2048)}}
	b.ReportAllocs()
	b.SetBytes(out.Payload.Bytes())
	for b.Loop() {
		body, err := EncodeOutput(out, 1)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, _, err := DecodeOutput(body); err != nil {
			b.Fatal(err)
		}
	}
}
