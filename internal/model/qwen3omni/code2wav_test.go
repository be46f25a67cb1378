package qwen3omni

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/limelight-omni/limelight/internal/model/safetensors"
)

const (
	upsampleTolerance = 2e-5
	decoderTolerance  = 5e-4
	waveformTolerance = 1e-4
)

func setACode2Wav(t *testing.T) *Code2Wav {
	t.Helper()
	cfg, err := LoadConfig(setA)
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Open(setA)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	c, err := newCode2Wav(cfg.Code2Wav, &checkpointWeights{checkpoint: file})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// oneShot decodes all frames in one call.
func oneShot(t *testing.T, c *Code2Wav, codes []int32) []float32 {
	t.Helper()
	samples, err := c.NewStream().Decode(c.NewScratch(), nil, codes)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// frameMajor turns [groups, frames] into [frames, groups].
func frameMajor(codes []int32, groups int) []int32 {
	frames := len(codes) / groups
	out := make([]int32, len(codes))
	for q := range groups {
		for t := range frames {
			out[t*groups+q] = codes[q*frames+t]
		}
	}
	return out
}

// channelFirst turns [rows, channels] into [channels, rows].
func channelFirst(x []float32, channels int) []float32 {
	rows := len(x) / channels
	out := make([]float32, len(x))
	for t := range rows {
		for c := range channels {
			out[c*rows+t] = x[t*channels+c]
		}
	}
	return out
}

func TestCode2WavReproducesEveryGoldenTensor(t *testing.T) {
	c := setACode2Wav(t)
	g := openGolden(t)
	for _, name := range []string{"full", "short"} {
		type seen struct {
			channels int
			x        []float32
		}
		places := map[string]*seen{}
		scratch := c.NewScratch()
		scratch.observe = func(place string, i, _, channels int, x []float32) {
			key := fmt.Sprintf("%s.%d", place, i)
			if places[key] == nil {
				places[key] = &seen{channels: channels}
			}
			places[key].x = append(places[key].x, x...)
		}
		samples, err := c.NewStream().Decode(scratch, nil, frameMajor(g.ids("code2wav."+name+".codes"), c.Groups()))
		if err != nil {
			t.Fatal(err)
		}
		root := "code2wav." + name + "."
		g.near(root+"embed_mean", places["embed_mean.0"].x, upsampleTolerance)
		for i := range c.layers {
			g.near(fmt.Sprintf("%slayer.%d", root, i), places[fmt.Sprintf("layer.%d", i)].x, upsampleTolerance)
		}
		g.near(root+"pre_transformer", places["pre_transformer.0"].x, upsampleTolerance)
		for i := range c.upsample {
			up, next := places[fmt.Sprintf("upsample.up.%d", i)], places[fmt.Sprintf("upsample.next.%d", i)]
			g.near(fmt.Sprintf("%supsample.%d.0", root, i), channelFirst(up.x, up.channels), upsampleTolerance)
			g.near(fmt.Sprintf("%supsample.%d.1", root, i), channelFirst(next.x, next.channels), upsampleTolerance)
		}
		if name == "short" {
			for i := range len(c.blocks) + 3 {
				place := places[fmt.Sprintf("decoder.%d", i)]
				g.near(fmt.Sprintf("%sdecoder.%d", root, i), channelFirst(place.x, place.channels), decoderTolerance)
			}
		}
		g.near(root+"waveform", samples, waveformTolerance)
	}
}

// TestReferencesChunkedWaveform composes the reference's way of decoding by
// chunks, with left context decoded again, from one-shot calls.
func TestReferencesChunkedWaveform(t *testing.T) {
	c := setACode2Wav(t)
	g := openGolden(t)
	codes := frameMajor(g.ids("code2wav.full.codes"), c.Groups())
	const chunk, left = 10, 5
	frames := len(codes) / c.Groups()
	var got []float32
	for start := 0; start < frames; start += chunk {
		context := start
		if start > left {
			context = left
		}
		end := min(start+chunk, frames)
		samples := oneShot(t, c, codes[(start-context)*c.Groups():end*c.Groups()])
		got = append(got, samples[context*c.SamplesPerFrame():]...)
	}
	g.near("code2wav.chunked_10_5.waveform", got, waveformTolerance)
}

func TestTalkersFramesHaveTheGoldenWaveform(t *testing.T) {
	c := setACode2Wav(t)
	g := openGolden(t)
	for _, name := range []string{"c0", "c1"} { // codes are [frames, groups] here
		g.near("talker."+name+".waveform", oneShot(t, c, g.ids("talker."+name+".codes")), waveformTolerance)
	}
}

func TestSoundHasTheLengthOfItsFramesLessWhatTheBlocksWithhold(t *testing.T) {
	c := setACode2Wav(t)
	if c.SamplesPerFrame() != 1920 || c.Lost() != 555 || c.SampleRate() != 24000 {
		t.Fatalf("%d samples a frame, %d lost, %d a second", c.SamplesPerFrame(), c.Lost(), c.SampleRate())
	}
	for _, frames := range []int{1, 2, 7, 13} {
		if n := len(oneShot(t, c, make([]int32, frames*c.Groups()))); n != frames*1920-555 {
			t.Errorf("%d frames: %d samples", frames, n)
		}
	}
}

func randomCodes(r *rand.Rand, c *Code2Wav, frames int) []int32 {
	codes := make([]int32, frames*c.Groups())
	for i := range codes {
		codes[i] = r.Int32N(int32(c.CodebookSize()))
	}
	return codes
}

// otherShape is an architecture with other counts and ratios than setA.
func otherShape(t *testing.T) *Code2Wav {
	t.Helper()
	c, err := newCode2Wav(Code2WavConfig{
		CodebookSize: 20, Quantizers: 5, Hidden: 24, Intermediate: 40, Layers: 2, Heads: 6, KVHeads: 3, SlidingWindow: 7,
		Eps: 1e-5, RopeTheta: 10000, DecoderDim: 20, UpsampleRates: []int{4, 3}, UpsamplingRatios: []int{2, 3, 2},
	}, &randomWeights{seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChunksOfAnySizesJoinToTheOneShotWaveform(t *testing.T) {
	for name, c := range map[string]*Code2Wav{"setA": setACode2Wav(t), "other": otherShape(t)} {
		r := rand.New(rand.NewPCG(1, 2))
		codes := randomCodes(r, c, 60) // several times the sliding window
		want := oneShot(t, c, codes)
		for _, sizes := range [][]int{{1}, {2}, {3}, {4, 25}, {25}, {1, 7, 2, 30}, {59, 1}} {
			scratch, stream := c.NewScratch(), c.NewStream()
			var got []float32
			rest := codes
			for i := 0; len(rest) > 0; i++ {
				n := min(sizes[i%len(sizes)]*c.Groups(), len(rest))
				var err error
				if got, err = stream.Decode(scratch, got, rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: chunks of %v: %d samples differ from the one-shot's %d", name, sizes, len(got), len(want))
			}
		}
	}
}

func TestStreamsThatShareAScratchDoNotMix(t *testing.T) {
	c := otherShape(t)
	r := rand.New(rand.NewPCG(3, 4))
	a, b := randomCodes(r, c, 20), randomCodes(r, c, 20)
	wantA, wantB := oneShot(t, c, a), oneShot(t, c, b)
	scratch, sa, sb := c.NewScratch(), c.NewStream(), c.NewStream()
	var gotA, gotB []float32
	for at := 0; at < len(a); at += 4 * c.Groups() {
		gotA, _ = sa.Decode(scratch, gotA, a[at:at+4*c.Groups()])
		gotB, _ = sb.Decode(scratch, gotB, b[at:at+4*c.Groups()])
	}
	if !slices.Equal(gotA, wantA) || !slices.Equal(gotB, wantB) {
		t.Error("interleaved streams differ from streams alone")
	}
}

func TestMalformedCodesAreRefusedAndLeaveTheStreamAsItWas(t *testing.T) {
	c := otherShape(t)
	r := rand.New(rand.NewPCG(5, 6))
	codes := randomCodes(r, c, 12)
	want := oneShot(t, c, codes)
	scratch, stream := c.NewScratch(), c.NewStream()
	got, err := stream.Decode(scratch, nil, codes[:6*c.Groups()])
	if err != nil {
		t.Fatal(err)
	}
	bad := func(at int, code int32) []int32 {
		b := slices.Clone(codes[:2*c.Groups()])
		b[at] = code
		return b
	}
	for want, codes := range map[string][]int32{
		"malformed codec frames: 9 codes are not whole frames of 5":                              codes[:9],
		"malformed codec frames: frame 1, group 2: code 20 is not in the codebook of 20":         bad(7, 20),
		"malformed codec frames: frame 0, group 0: code -1 is not in the codebook of 20":         bad(0, -1),
		"malformed codec frames: frame 1, group 4: code 2147483647 is not in the codebook of 20": bad(9, math.MaxInt32),
	} {
		if _, err := stream.Decode(scratch, nil, codes); !errors.Is(err, ErrMalformedCodec) || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if got, err = stream.Decode(scratch, got, codes[6*c.Groups():]); err != nil || !slices.Equal(got, want) {
		t.Errorf("the stream did not go on as if nothing had been: %v", err)
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	c := otherShape(t)
	scratch, stream := c.NewScratch(), c.NewStream()
	codes := randomCodes(rand.New(rand.NewPCG(7, 8)), c, 3)
	scratch.rope.Grow(10000)
	dst := make([]float32, 0, 3*c.SamplesPerFrame())
	if n := testing.AllocsPerRun(50, func() {
		if _, err := stream.Decode(scratch, dst, codes); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func BenchmarkCode2WavSetA(b *testing.B) {
	cfg, err := LoadConfig(setA)
	if err != nil {
		b.Fatal(err)
	}
	file, err := safetensors.Open(setA)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	c, err := newCode2Wav(cfg.Code2Wav, &checkpointWeights{checkpoint: file})
	if err != nil {
		b.Fatal(err)
	}
	scratch, stream := c.NewScratch(), c.NewStream()
	codes := randomCodes(rand.New(rand.NewPCG(1, 2)), c, 25)
	var dst []float32
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = stream.Decode(scratch, dst[:0], codes); err != nil {
			b.Fatal(err)
		}
	}
	perFrame := b.Elapsed().Seconds() / float64(b.N) / 25
	b.ReportMetric(perFrame/0.08, "rtf")
}
