package qwen3omni

import "github.com/limelight-omni/limelight/internal/tensor"

// framesAtOnce bounds the frames that go through the network together, and by
// that the scratch memory. Any number gives the same samples.
const framesAtOnce = 8

// Code2WavStream is the state of one sound: the keys and values of the sliding
// window, the histories of the convolutions, and the last row before each
// transposed one. For the shapes of the 30B model it takes 5.5 MB, most of it
// the window's.
type Code2WavStream struct {
	c        *Code2Wav
	position int // frames decoded
	layers   []window
	upsample [][]float32
	first    []float32
	blocks   []blockState
	last     []float32
}

// window holds the keys and values of the newest positions, [heads, window,
// dim], position p at p modulo the window.
type window struct{ keys, values []float32 }

type blockState struct {
	begun bool // the up-convolution has seen its first row
	row   []float32
	units [len(residualDilations)][]float32
}

// NewStream starts a sound.
func (c *Code2Wav) NewStream() *Code2WavStream {
	s := &Code2WavStream{c: c}
	n := c.cfg.KVHeads * c.cfg.SlidingWindow * c.cfg.headDim()
	for range c.layers {
		s.layers = append(s.layers, window{make([]float32, n), make([]float32, n)})
	}
	for _, u := range c.upsample {
		s.upsample = append(s.upsample, make([]float32, (u.depthwise.Kernel-1)*u.depthwise.Channels))
	}
	history := func(conv *tensor.CausalConv) []float32 { return make([]float32, conv.HistoryRows()*conv.In) }
	s.first = history(&c.first)
	for i := range c.blocks {
		b := &c.blocks[i]
		state := blockState{row: make([]float32, b.up.In)}
		for j := range b.units {
			state.units[j] = history(&b.units[j].conv1)
		}
		s.blocks = append(s.blocks, state)
	}
	s.last = history(&c.last)
	return s
}

// Code2WavScratch is the working memory of one engine, for any number of
// streams. It belongs to one goroutine.
type Code2WavScratch struct {
	rope      *tensor.Rope
	x, normed []float32 // [rows, channels] of the widest place
	branch    []float32
	// padded is the input of a convolution, behind room for its history; spare is
	// that of the next one where it is made from the other.
	padded, spare []float32
	q, k, v       []float32
	scores        []float32
	mlp           Scratch // its gate and up, and its products
	expanded      []float32
	observe       func(place string, i, rows, channels int, x []float32) // tests only; may be nil
}

// NewScratch makes working memory for c's streams.
func (c *Code2Wav) NewScratch() *Code2WavScratch {
	s := &Code2WavScratch{rope: tensor.NewRope(c.cfg.headDim(), c.cfg.RopeTheta)}
	h, rows := c.cfg.Hidden, framesAtOnce
	wide, padded, expanded := rows*h, 0, 0
	input := func(conv *tensor.CausalConv) { padded = max(padded, (conv.HistoryRows()+rows)*conv.In) }
	for i := range c.upsample {
		rows *= c.upsample[i].up.Stride
		wide = max(wide, rows*h)
		expanded = max(expanded, rows*4*h)
	}
	wide = max(wide, rows*c.cfg.DecoderDim)
	input(&c.first)
	for i := range c.blocks {
		b := &c.blocks[i]
		padded = max(padded, (1+rows)*b.up.In)
		rows *= b.up.Stride
		wide = max(wide, rows*b.up.Out)
		for j := range b.units {
			input(&b.units[j].conv1)
		}
	}
	input(&c.last)
	s.x, s.normed, s.branch = make([]float32, wide), make([]float32, wide), make([]float32, wide)
	s.padded, s.spare = make([]float32, padded), make([]float32, padded)
	s.q = make([]float32, framesAtOnce*h)
	kv := framesAtOnce * c.cfg.KVHeads * c.cfg.headDim()
	s.k, s.v = make([]float32, kv), make([]float32, kv)
	s.scores = make([]float32, c.cfg.SlidingWindow)
	s.mlp.gate, s.mlp.up = make([]float32, framesAtOnce*c.cfg.Intermediate), make([]float32, framesAtOnce*c.cfg.Intermediate)
	s.expanded = make([]float32, expanded)
	return s
}

// Decode appends the samples of further frames to dst: codes is frame-major
// [frames, Groups], samples are within [-1, 1]. The samples of a sound are the
// same however its frames are divided among calls. Codes that are not whole
// frames or not in the codebook leave the stream as it was; the error wraps
// ErrMalformedCodec.
func (s *Code2WavStream) Decode(scratch *Code2WavScratch, dst []float32, codes []int32) ([]float32, error) {
	if err := s.c.Check(codes); err != nil {
		return dst, err
	}
	step := framesAtOnce * s.c.cfg.Quantizers
	for len(codes) > 0 {
		n := min(step, len(codes))
		dst = s.decode(scratch, dst, codes[:n])
		codes = codes[n:]
	}
	return dst, nil
}

func (s *Code2WavStream) decode(w *Code2WavScratch, dst []float32, codes []int32) []float32 {
	c := s.c
	n, h := len(codes)/c.cfg.Quantizers, c.cfg.Hidden
	s.embed(w, codes, n)
	w.see("embed_mean", 0, n, h, w.x)
	s.transform(w, n)
	w.see("pre_transformer", 0, n, h, w.x)
	for i := range c.upsample {
		n = s.raise(w, i, n)
	}
	b := &w.mlp.products
	// What follows each convolution is the next one's activation, into the next
	// one's input.
	copy(w.padded[c.first.HistoryRows()*h:], w.x[:n*h])
	next, at := s.c.afterBlock(-1)
	c.first.Forward(b, w.padded, s.first, n, tensor.Product{Dst: w.x, Next: next, NextDst: w.spare[at:]})
	w.padded, w.spare = w.spare, w.padded
	w.see("decoder", 0, n, c.first.Out, w.x)
	for i := range c.blocks {
		n = s.block(w, i, n)
		w.see("decoder", i+1, n, c.blocks[i].up.Out, w.x)
	}
	w.see("decoder", len(c.blocks)+1, n, c.last.In, w.padded[c.last.HistoryRows()*c.last.In:])
	c.last.Forward(b, w.padded, s.last, n, tensor.Product{Dst: w.normed})
	w.see("decoder", len(c.blocks)+2, n, 1, w.normed)
	for _, v := range w.normed[:n] {
		dst = append(dst, min(1, max(-1, v)))
	}
	return dst
}

// embed writes the mean of each frame's code embeddings to w.x.
func (s *Code2WavStream) embed(w *Code2WavScratch, codes []int32, n int) {
	c := s.c
	h, groups := c.cfg.Hidden, c.cfg.Quantizers
	clear(w.x[:n*h])
	for t := range n {
		row := w.x[t*h : (t+1)*h]
		for q, code := range codes[t*groups : (t+1)*groups] {
			c.embedding.AddRow(row, q*c.cfg.CodebookSize+int(code))
		}
		for i := range row {
			row[i] /= float32(groups)
		}
	}
}

// transform runs the transformer over the n rows of w.x, which follow those
// that the windows hold.
func (s *Code2WavStream) transform(w *Code2WavScratch, n int) {
	c := s.c
	h := c.cfg.Hidden
	w.rope.Grow(s.position + n)
	for i := range c.layers {
		l := &c.layers[i]
		tensor.RMSNormRows(w.normed, w.x, l.inputNorm, c.cfg.Eps, n)
		w.mlp.products.Add(tensor.Product{W: &l.q, Dst: w.q, X: w.normed, N: n})
		w.mlp.products.Add(tensor.Product{W: &l.k, Dst: w.k, X: w.normed, N: n})
		w.mlp.products.Add(tensor.Product{W: &l.v, Dst: w.v, X: w.normed, N: n})
		w.mlp.products.Run()
		for t := range n {
			s.attend(w, &s.layers[i], t)
		}
		w.mlp.products.Add(tensor.Product{W: &l.o, Dst: w.branch, X: w.normed, N: n, Scale: l.attentionScale, Residual: w.x})
		w.mlp.products.Run()

		tensor.RMSNormRows(w.normed, w.x, l.postNorm, c.cfg.Eps, n)
		l.mlp.forward(&w.mlp, w.normed, n, tensor.Product{Dst: w.branch, Scale: l.mlpScale, Residual: w.x})
		w.see("layer", i, n, h, w.x)
	}
	tensor.RMSNormRows(w.x, w.x, c.norm, c.cfg.Eps, n)
	s.position += n
}

// attend puts row t's key and value into the window and writes the mix of the
// window's values to w.normed. It walks the positions from the oldest to the
// newest, so that the result does not depend on where the window wraps.
func (s *Code2WavStream) attend(w *Code2WavScratch, win *window, t int) {
	cfg := &s.c.cfg
	dim, size := cfg.headDim(), cfg.SlidingWindow
	position := s.position + t
	at := position % size
	for head := range cfg.KVHeads {
		k := w.k[(t*cfg.KVHeads+head)*dim:][:dim]
		w.rope.Rotate(k, position)
		copy(win.keys[(head*size+at)*dim:], k)
		copy(win.values[(head*size+at)*dim:], w.v[(t*cfg.KVHeads+head)*dim:][:dim])
	}
	seen := min(position+1, size)
	oldest := (position + 1 - seen) % size
	before := min(seen, size-oldest) // positions up to where the window wraps
	scores := w.scores[:seen]
	factor := cfg.attentionFactor()
	group := cfg.Heads / cfg.KVHeads
	for head := range cfg.Heads {
		q := w.q[(t*cfg.Heads+head)*dim:][:dim]
		w.rope.Rotate(q, position)
		keys := win.keys[head/group*size*dim:][:size*dim]
		values := win.values[head/group*size*dim:][:size*dim]
		tensor.Dots(scores[:before], keys[oldest*dim:], before, q)
		tensor.Dots(scores[before:], keys, seen-before, q)
		tensor.SoftmaxScaled(scores, factor)
		out := w.normed[(t*cfg.Heads+head)*dim:][:dim]
		clear(out)
		tensor.WeightedSum(out, values[oldest*dim:], scores[:before])
		tensor.WeightedSum(out, values, scores[before:])
	}
}

// raise runs upsampling stage i over the n rows of w.x and returns how many
// rows they became.
func (s *Code2WavStream) raise(w *Code2WavScratch, i, n int) int {
	u := &s.c.upsample[i]
	h := s.c.cfg.Hidden
	b := &w.mlp.products
	u.up.Forward(b, w.normed, w.x, n)
	w.x, w.normed = w.normed, w.x
	n *= u.up.Stride
	w.see("upsample.up", i, n, h, w.x)
	u.depthwise.Forward(w.normed, w.x, s.upsample[i], n)
	tensor.LayerNorm(w.normed, u.normWeight, u.normBias, normEps, n)
	b.Add(tensor.Product{W: &u.expand, Dst: w.expanded, X: w.normed, N: n, Bias: u.expandBias, GELU: true})
	b.Run()
	b.Add(tensor.Product{W: &u.contract, Dst: w.branch, X: w.expanded, N: n, Bias: u.contractBias, Scale: u.gamma, Residual: w.x})
	b.Run()
	w.see("upsample.next", i, n, h, w.x)
	return n
}

// block runs decoder block i over n rows, whose activations are in w.padded,
// and returns how many rows they became. These go to w.x, and their activations
// for what follows to w.padded.
func (s *Code2WavStream) block(w *Code2WavScratch, i, n int) int {
	b, state, products := &s.c.blocks[i], &s.blocks[i], &w.mlp.products
	next, at := b.beforeUnit(0)
	rows := b.up.Forward(products, w.padded, state.row, !state.begun, n, tensor.Product{Dst: w.x, Next: next, NextDst: w.spare[at:]})
	w.padded, w.spare = w.spare, w.padded
	state.begun = state.begun || n > 0
	n = rows
	for j := range b.units {
		u := &b.units[j]
		u.conv1.Forward(products, w.padded, state.units[j], n, tensor.Product{Dst: w.branch, Snake: &u.snake2})
		if j+1 < len(b.units) {
			next, at = b.beforeUnit(j + 1)
		} else {
			next, at = s.c.afterBlock(i)
		}
		u.conv2.Forward(products, w.branch, nil, n, tensor.Product{Dst: w.normed, Residual: w.x, Next: next, NextDst: w.padded[at:]})
	}
	return n
}

// beforeUnit is the activation of unit j's input and where its convolution's
// rows begin.
func (b *wavBlock) beforeUnit(j int) (*tensor.Snake, int) {
	u := &b.units[j]
	return &u.snake1, u.conv1.HistoryRows() * u.conv1.In
}

// afterBlock is the same of what follows block i, or the first convolution
// if i is -1.
func (c *Code2Wav) afterBlock(i int) (*tensor.Snake, int) {
	if i+1 < len(c.blocks) {
		b := &c.blocks[i+1]
		return &b.snake, b.up.In
	}
	return &c.snake, c.last.HistoryRows() * c.last.In
}

func (w *Code2WavScratch) see(place string, i, rows, channels int, x []float32) {
	if w.observe != nil {
		w.observe(place, i, rows, channels, x[:rows*channels])
	}
}
