package tensor

import "math"

// CausalConv is a one-dimensional convolution of stride 1 that sees the past
// only, over rows: x is [n, In], time-major, and so is the output, [n, Out].
// What it has to remember of the rows before is its history.
type CausalConv struct {
	In, Out, Kernel, Dilation int

	weight Matrix    // [Out, Kernel*In]
	bias   []float32 // [Out]
}

// NewCausalConv makes a convolution of weight [out, in, kernel], as checkpoints
// have it, and bias [out].
func NewCausalConv(out, in, kernel, dilation int, weight, bias []float32) CausalConv {
	data := make([]float32, len(weight))
	for o := range out {
		for i := range in {
			for k := range kernel {
				data[(o*kernel+k)*in+i] = weight[(o*in+i)*kernel+k]
			}
		}
	}
	return CausalConv{In: in, Out: out, Kernel: kernel, Dilation: dilation, weight: compact(out, kernel*in, data), bias: bias}
}

// HistoryRows is the number of rows that the convolution remembers. A history
// is [HistoryRows, In], zero at the start.
func (c *CausalConv) HistoryRows() int { return (c.Kernel - 1) * c.Dilation }

// Forward computes the convolution of n rows and takes them into the history. X
// is [HistoryRows+n, In]: the rows stand behind room for the history. Out says
// where the result, [n, Out], goes, which must not overlap x, and what becomes
// of it.
func (c *CausalConv) Forward(b *Batch, x, history []float32, n int, out Product) {
	past := c.HistoryRows() * c.In
	copy(x[:past], history)
	out.W, out.X, out.N, out.Bias = &c.weight, x, n, c.bias
	out.taps, out.dilation = c.Kernel, c.Dilation
	b.Add(out)
	b.Run()
	copy(history, x[n*c.In:n*c.In+past])
}

// remember shifts rows into a history: it keeps the newest elements.
func remember(history, x []float32) {
	if len(x) >= len(history) {
		copy(history, x[len(x)-len(history):])
		return
	}
	copy(history, history[len(x):])
	copy(history[len(history)-len(x):], x)
}

// DepthwiseConv is a causal convolution of stride 1 in which each channel sees
// only itself.
type DepthwiseConv struct {
	Channels, Kernel int

	weight []float32 // [Kernel, Channels]
	bias   []float32 // [Channels]
}

// NewDepthwiseConv makes a convolution of weight [channels, 1, kernel] and bias
// [channels].
func NewDepthwiseConv(channels, kernel int, weight, bias []float32) DepthwiseConv {
	data := make([]float32, len(weight))
	for c := range channels {
		for k := range kernel {
			data[k*channels+c] = weight[c*kernel+k]
		}
	}
	return DepthwiseConv{Channels: channels, Kernel: kernel, weight: data, bias: bias}
}

// Forward writes the convolution of the n rows of x to dst and takes them into
// the history, [Kernel-1, Channels].
func (c *DepthwiseConv) Forward(dst, x, history []float32, n int) {
	past := c.Kernel - 1
	for t := range n {
		out := dst[t*c.Channels : (t+1)*c.Channels]
		copy(out, c.bias)
		for k := range c.Kernel {
			from, row := t+k-past, x
			if from < 0 {
				row, from = history, from+past
			}
			AddProduct(out, row[from*c.Channels:(from+1)*c.Channels], c.weight[k*c.Channels:(k+1)*c.Channels])
		}
	}
	remember(history, x[:n*c.Channels])
}

// UpConv is a transposed convolution of kernel 2*stride that is cut by stride
// on both sides: output block t, of stride rows, mixes rows t and t-1, and the
// first row has no block of its own. Rows are time-major.
type UpConv struct {
	In, Out, Stride int

	weight Matrix    // [Stride*Out, 2*In]: row t-1's weights, then row t's
	bias   []float32 // [Stride*Out]: the bias, once for each row of a block
}

// NewUpConv makes a convolution of weight [in, out, 2*stride] and bias [out].
func NewUpConv(in, out, stride int, weight, bias []float32) UpConv {
	data := make([]float32, len(weight))
	for i := range in {
		for o := range out {
			w := weight[(i*out+o)*2*stride:]
			for j := range stride {
				row := data[(j*out+o)*2*in:]
				row[i], row[in+i] = w[j+stride], w[j]
			}
		}
	}
	return UpConv{In: in, Out: out, Stride: stride, weight: compact(stride*out, 2*in, data), bias: repeat(bias, stride)}
}

// Forward computes the blocks of n rows and returns the number of rows that
// they have: n*Stride, less one block if the first row of all is among them. X
// is [1+n, In]: the rows stand behind room for last, the row before them, [In],
// which Forward replaces. Out says where the result goes, which must not
// overlap x.
func (c *UpConv) Forward(b *Batch, x, last []float32, first bool, n int, out Product) int {
	if n == 0 {
		return 0
	}
	copy(x[:c.In], last)
	out.W, out.X, out.N, out.Bias = &c.weight, x, n, c.bias
	out.taps, out.dilation = 2, 1
	if first {
		out.X, out.N = x[c.In:], n-1
	}
	b.Add(out)
	b.Run()
	copy(last, x[n*c.In:(n+1)*c.In])
	return out.N * c.Stride
}

// SplitConv is a transposed convolution whose kernel is its stride: each row
// becomes stride rows, and rows do not mix.
type SplitConv struct {
	In, Out, Stride int

	weight Matrix    // [Stride*Out, In]
	bias   []float32 // [Stride*Out]
}

// NewSplitConv makes a convolution of weight [in, out, stride] and bias [out].
func NewSplitConv(in, out, stride int, weight, bias []float32) SplitConv {
	data := make([]float32, len(weight))
	for i := range in {
		for o := range out {
			for j := range stride {
				data[(j*out+o)*in+i] = weight[(i*out+o)*stride+j]
			}
		}
	}
	return SplitConv{In: in, Out: out, Stride: stride, weight: compact(stride*out, in, data), bias: repeat(bias, stride)}
}

// Forward writes the n*Stride rows that the n rows of x become to dst.
func (c *SplitConv) Forward(b *Batch, dst, x []float32, n int) {
	b.Add(Product{W: &c.weight, Dst: dst, X: x, N: n, Bias: c.bias})
	b.Run()
}

// compact makes a matrix of data, as bfloat16 if that loses nothing: the
// weights of checkpoints in bfloat16 are re-ordered, but stay short.
func compact(rows, cols int, data []float32) Matrix {
	for _, v := range data {
		if math.Float32bits(v)&0xffff != 0 {
			return NewMatrix(rows, cols, data)
		}
	}
	bits := make([]uint16, len(data))
	for i, v := range data {
		bits[i] = uint16(math.Float32bits(v) >> 16)
	}
	return NewMatrixBF16(rows, cols, bits)
}

func repeat(v []float32, times int) []float32 {
	out := make([]float32, 0, len(v)*times)
	for range times {
		out = append(out, v...)
	}
	return out
}
