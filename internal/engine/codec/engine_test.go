package codec

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tiny = qwen3omni.Tiny().Code2Wav // read-only, so all tests share it

func newTiny(t *testing.T, maxSeqs int) *Engine {
	t.Helper()
	e := New(tiny, maxSeqs)
	t.Cleanup(func() { e.Close() })
	return e
}

func open(t *testing.T, e *Engine) engine.Stream {
	t.Helper()
	s, err := e.Start(engine.Request{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func codes(seed uint64, frames int) []int32 {
	r := rand.New(rand.NewPCG(seed, 0))
	c := make([]int32, frames*tiny.Groups())
	for i := range c {
		c[i] = r.Int32N(int32(tiny.CodebookSize()))
	}
	return c
}

// decode sends frames in chunks of size and returns the samples.
func decode(t *testing.T, s engine.Stream, all []int32, size int) (samples []float32) {
	go func() {
		defer s.CloseSend()
		for chunk := range slices.Chunk(all, size*tiny.Groups()) {
			if s.Send(t.Context(), &engine.Frames{Codes: chunk, Groups: tiny.Groups()}) != nil {
				return // the test says what came of it
			}
		}
	}()
	for {
		out, err := s.Recv(t.Context())
		if err != nil {
			t.Error(err)
			return nil
		}
		if a, ok := out.Payload.(*engine.Audio); ok {
			samples = append(samples, a.Samples...)
			if a.Rate != 24000 {
				t.Errorf("rate %d", a.Rate)
			}
		}
		if out.Finish != "" {
			if out.Usage.PromptTokens != len(all)/tiny.Groups() {
				t.Errorf("%d frames counted, %d sent", out.Usage.PromptTokens, len(all)/tiny.Groups())
			}
			return samples
		}
	}
}

func TestLargeChunkIsDecodedInPiecesThatJoin(t *testing.T) {
	e := newTiny(t, 1)
	const frames = 2*pieceFrames + 5
	all := codes(7, frames)
	want := decode(t, open(t, e), all, 10)
	s := open(t, e)
	if err := s.Send(t.Context(), &engine.Frames{Codes: all, Groups: tiny.Groups()}); err != nil {
		t.Fatal(err)
	}
	s.CloseSend()
	var got []float32
	pieces := 0
	for {
		out, err := s.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if a, ok := out.Payload.(*engine.Audio); ok {
			got = append(got, a.Samples...)
			pieces++
		}
		if out.Finish != "" {
			break
		}
	}
	if pieces != 3 || !slices.Equal(got, want) {
		t.Errorf("%d pieces, %d samples, want 3 and %d the same", pieces, len(got), len(want))
	}
}

func TestManyStreamsSoundAsEachAlone(t *testing.T) {
	e := newTiny(t, 3) // fewer places than streams: some wait
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c := codes(uint64(i), 20)
			want, err := tiny.NewStream().Decode(tiny.NewScratch(), nil, c)
			if err != nil {
				t.Error(err)
				return
			}
			if got := decode(t, open(t, e), c, i%4+1); !slices.Equal(got, want) {
				t.Errorf("stream %d: %d samples differ from %d", i, len(got), len(want))
			}
		})
	}
	all.Wait()
}

func TestNothingToDecodeEndsSilently(t *testing.T) {
	if got := decode(t, open(t, newTiny(t, 0)), nil, 1); len(got) != 0 {
		t.Errorf("%d samples", len(got))
	}
}

func TestMalformedFramesAreRejectedWithTheReasonOfTheMetricsPage(t *testing.T) {
	e := newTiny(t, 0)
	for want, p := range map[string]engine.Payload{
		"frames of 15 code groups, the model has 16": &engine.Frames{Codes: make([]int32, 15), Groups: 15},
		"code 99999 is not in the codebook":          &engine.Frames{Codes: append(make([]int32, 15), 99999), Groups: 16},
		"are not whole frames":                       &engine.Frames{Codes: make([]int32, 17), Groups: 16},
	} {
		s := open(t, e)
		if err := s.Send(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		_, err := s.Recv(t.Context())
		var rejected *engine.RejectedError
		if !errors.As(err, &rejected) || rejected.Reason != RejectedMalformed || !strings.Contains(err.Error(), want) {
			t.Errorf("Recv = %v, want %s", err, want)
		}
		<-s.Done()
	}
	s := open(t, e)
	if err := s.Send(t.Context(), &engine.Embeddings{}); err != nil {
		t.Fatal(err)
	}
	var rejected *engine.RejectedError
	if _, err := s.Recv(t.Context()); err == nil || errors.As(err, &rejected) {
		t.Errorf("Recv = %v: a payload of another kind is a fault, not malformed codec", err)
	}
}

func TestAbortFreesThePlace(t *testing.T) {
	e := newTiny(t, 1)
	first := open(t, e)
	if err := first.Send(t.Context(), &engine.Frames{Codes: codes(1, 4), Groups: 16}); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Recv(t.Context()); err != nil { // it has the place
		t.Fatal(err)
	}
	second := open(t, e)
	first.Abort()
	<-first.Done()
	if got := decode(t, second, codes(2, 4), 4); len(got) != 4*1920-555 {
		t.Errorf("%d samples", len(got))
	}
}

func TestCloseEndsStreams(t *testing.T) {
	e := New(tiny, 1)
	running, waiting := open(t, e), open(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []engine.Stream{running, waiting} {
		if _, err := s.Recv(t.Context()); !errors.Is(err, engine.ErrClosed) {
			t.Errorf("Recv = %v", err)
		}
	}
	if _, err := e.Start(engine.Request{}); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Start = %v", err)
	}
}
