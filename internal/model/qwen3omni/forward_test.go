package qwen3omni

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// sequences are input rows of several sequences of a stack, [rows, hidden] each.
func sequences(d *Decoder, lengths ...int) [][]float32 {
	r := rand.New(rand.NewPCG(1, uint64(d.Hidden())))
	var all [][]float32
	for _, n := range lengths {
		x := make([]float32, n*d.Hidden())
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		all = append(all, x)
	}
	return all
}

// alone runs one sequence in one pass, in one block.
func alone(d *Decoder, x []float32) []float32 {
	x = slices.Clone(x)
	n := len(x) / d.Hidden()
	d.Forward(d.NewScratch(), x, []Segment{{Rows: n, Blocks: []int32{0}}}, d.NewKVCache(1, n))
	return x
}

// stacks are the kinds of stacks: experts, experts with a shared one, dense,
// and all of them with other counts.
func stacks(t *testing.T) map[string]*Decoder {
	t.Helper()
	a := loadSetA(t)
	b, _ := drawnModel(t, otherConfig(), 3)
	return map[string]*Decoder{
		"thinker":         a.Thinker.Decoder(),
		"talker":          a.Talker.Decoder(),
		"predictor":       a.Talker.Predictor().decoder,
		"other thinker":   b.Thinker.Decoder(),
		"other talker":    b.Talker.Decoder(),
		"other predictor": b.Talker.Predictor().decoder,
	}
}

func TestForwardGivesTheSameBitsHoweverSequencesAreCutAndBatched(t *testing.T) {
	for name, d := range stacks(t) {
		t.Run(name, func(t *testing.T) {
			inputs := sequences(d, 23, 1, 7, 34, 2, 16)
			var want [][]float32
			for _, x := range inputs {
				want = append(want, alone(d, x))
			}
			for _, blockSize := range []int{1, 3, 16, 64} {
				for seed := range uint64(2) {
					got := scheduled(d, inputs, blockSize, rand.New(rand.NewPCG(seed, uint64(blockSize))))
					for i := range inputs {
						if !slices.Equal(bits(got[i]), bits(want[i])) {
							t.Fatalf("blocks of %d, schedule %d: sequence %d differs from its run alone", blockSize, seed, i)
						}
					}
				}
			}
		})
	}
}

// scheduled runs the sequences together as an engine might: in random pieces,
// in random company, in random order, over a shuffled cache.
func scheduled(d *Decoder, inputs [][]float32, blockSize int, r *rand.Rand) [][]float32 {
	h := d.Hidden()
	const blocks = 200
	kv := d.NewKVCache(blocks, blockSize)
	unused := r.Perm(blocks)
	s := d.NewScratch()
	done := make([]int, len(inputs))
	tables := make([][]int32, len(inputs))
	out := make([][]float32, len(inputs))
	for {
		var batch []float32
		var segs []Segment
		var who []int
		for _, i := range r.Perm(len(inputs)) {
			left := len(inputs[i])/h - done[i]
			if left == 0 || r.IntN(4) == 0 {
				continue
			}
			n := 1 + r.IntN(left)
			for len(tables[i])*blockSize < done[i]+n {
				tables[i] = append(tables[i], int32(unused[0]))
				unused = unused[1:]
			}
			batch = append(batch, inputs[i][done[i]*h:(done[i]+n)*h]...)
			segs = append(segs, Segment{Rows: n, Start: done[i], Blocks: tables[i]})
			who = append(who, i)
		}
		d.Forward(s, batch, segs, kv)
		at := 0
		for j, i := range who {
			out[i] = append(out[i], batch[at:at+segs[j].Rows*h]...)
			at += segs[j].Rows * h
			done[i] += segs[j].Rows
		}
		finished := true
		for i := range inputs {
			finished = finished && done[i] == len(inputs[i])/h
		}
		if finished {
			return out
		}
	}
}

// Decoding a row at a time must make the scratch grow with the sequence.
func TestForwardOfLongSequencesRowByRow(t *testing.T) {
	d := loadSetA(t).Talker.Predictor().decoder
	const n = 150
	x, h := sequences(d, n)[0], d.Hidden()
	want := alone(d, x)
	kv, s := d.NewKVCache(1, n), d.NewScratch()
	for at := range n {
		d.Forward(s, x[at*h:(at+1)*h], []Segment{{Rows: 1, Start: at, Blocks: []int32{0}}}, kv)
	}
	if !slices.Equal(bits(x), bits(want)) {
		t.Error("the rows differ from those of one pass")
	}
}

// Engines of several replicas share one model.
func TestModelMayBeSharedByGoroutines(t *testing.T) {
	m := Tiny()
	prompt := tinyPrompt(m.Config, rand.New(rand.NewPCG(1, 6)))
	replies := make([]reply, 3)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = newPlayer(m).reply(5, prompt, "ethan") })
	}
	all.Wait()
	for _, r := range replies[1:] {
		if !slices.Equal(r.tokens, replies[0].tokens) || !slices.EqualFunc(r.codes, replies[0].codes, slices.Equal) {
			t.Error("the replies differ")
		}
	}
}

// A block that another sequence has used before must not show.
func TestForwardIsBlindToWhatABlockHeldBefore(t *testing.T) {
	for name, d := range stacks(t) {
		t.Run(name, func(t *testing.T) {
			inputs := sequences(d, 20, 9)
			kv, s := d.NewKVCache(5, 4), d.NewScratch()
			blocks := []int32{4, 2, 0, 1, 3}
			for i, x := range inputs {
				got := slices.Clone(x)
				d.Forward(s, got, []Segment{{Rows: len(x) / d.Hidden(), Blocks: blocks}}, kv)
				if !slices.Equal(bits(got), bits(alone(d, x))) {
					t.Errorf("sequence %d differs", i)
				}
			}
		})
	}
}

func TestCacheTakesMemoryOnlyForBlocksThatWereWritten(t *testing.T) {
	d := loadSetA(t).Thinker.Decoder()
	kv := d.NewKVCache(1000, 4)
	d.Forward(d.NewScratch(), sequences(d, 6)[0], []Segment{{Rows: 6, Blocks: []int32{7, 900, 3}}}, kv)
	var written []int
	for i, b := range kv.blocks {
		if b != nil {
			written = append(written, i)
		}
	}
	if !slices.Equal(written, []int{7, 900}) {
		t.Errorf("blocks %v have memory, want 7 and 900: two of four positions each", written)
	}
}

func TestForwardAllocatesNothingOnceWarm(t *testing.T) {
	for name, d := range stacks(t) {
		t.Run(name, func(t *testing.T) {
			kv, s := d.NewKVCache(4, 16), d.NewScratch()
			x := sequences(d, 20)[0]
			d.Forward(s, x, []Segment{{Rows: 20, Blocks: []int32{0, 1}}}, kv)
			segs := []Segment{{Rows: 4, Start: 20, Blocks: []int32{0, 1}}, {Rows: 8, Blocks: []int32{2}}}
			if n := testing.AllocsPerRun(10, func() { d.Forward(s, x, segs, kv) }); n != 0 {
				t.Errorf("%v allocations a pass", n)
			}
		})
	}
}

func TestPredictorGivesTheSameBitsAloneAndInABatch(t *testing.T) {
	m := loadSetA(t)
	p, h := m.Talker.Predictor(), m.Talker.Decoder().Hidden()
	const batch = 5
	hidden, embeds := sequences(m.Talker.Decoder(), batch)[0], sequences(p.decoder, batch+1)[0][h:]
	codes, sums := make([]int32, batch*(p.Groups()-1)), slices.Clone(embeds)
	s := p.NewScratch()
	p.Predict(s, hidden, embeds, func(_, _ int, logits []float32) int32 { return int32(tensor.ArgMax(logits)) }, codes, sums)
	for b := range batch {
		one, sum := make([]int32, p.Groups()-1), slices.Clone(embeds[b*h:(b+1)*h])
		groups := 0
		p.Predict(s, hidden[b*h:(b+1)*h], embeds[b*h:(b+1)*h], func(b, group int, logits []float32) int32 {
			groups++
			if b != 0 || group != groups {
				t.Errorf("choice %d is for sequence %d, group %d", groups, b, group)
			}
			return int32(tensor.ArgMax(logits))
		}, one, sum)
		if !slices.Equal(one, codes[b*len(one):(b+1)*len(one)]) || !slices.Equal(bits(sum), bits(sums[b*h:(b+1)*h])) {
			t.Errorf("sequence %d differs from its run alone", b)
		}
	}
}

func TestPredictAllocatesNothingOnceWarm(t *testing.T) {
	m := loadSetA(t)
	p, h := m.Talker.Predictor(), m.Talker.Decoder().Hidden()
	hidden, codes, sums := make([]float32, 3*h), make([]int32, 3*(p.Groups()-1)), make([]float32, 3*h)
	s := p.NewScratch()
	choose := func(_, _ int, logits []float32) int32 { return int32(tensor.ArgMax(logits)) }
	if n := testing.AllocsPerRun(5, func() { p.Predict(s, hidden, hidden, choose, codes, sums) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestForwardPanicsOverABlockTableThatIsTooShort(t *testing.T) {
	d := loadSetA(t).Thinker.Decoder()
	defer func() {
		if got, want := recover(), "BUG: 1 blocks of 4 positions for a sequence of 5"; got != want {
			t.Errorf("panic %v, want %v", got, want)
		}
	}()
	d.Forward(d.NewScratch(), sequences(d, 5)[0], []Segment{{Rows: 5, Blocks: []int32{0}}}, d.NewKVCache(4, 4))
}

// Rows beyond moeRows have their experts computed in a second turn.
func TestForwardOfMoreRowsThanExpertsTakeAtOnce(t *testing.T) {
	d := loadSetA(t).Talker.Decoder()
	const n = moeRows + 60
	x, h := sequences(d, n)[0], d.Hidden()
	want := alone(d, x)
	kv, s := d.NewKVCache(1, n), d.NewScratch()
	for from := 0; from < n; from += n / 2 {
		rows := min(n/2, n-from)
		d.Forward(s, x[from*h:(from+rows)*h], []Segment{{Rows: rows, Start: from, Blocks: []int32{0}}}, kv)
	}
	if !slices.Equal(bits(x), bits(want)) {
		t.Error("the rows differ from those of one pass")
	}
}
