package tensor

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
	return CausalConv{In: in, Out: out, Kernel: kernel, Dilation: dilation, weight: NewMatrix(out, kernel*in, data), bias: bias}
}

// HistoryRows is the number of rows that the convolution remembers. A history
// is [HistoryRows, In], zero at the start.
func (c *CausalConv) HistoryRows() int { return (c.Kernel - 1) * c.Dilation }

// windowRows is how many outputs are made from one filling of the window
// buffer: few, so that it stays in the cache.
const windowRows = 64

// WindowFloats is the size of the buffer that Forward needs.
func (c *CausalConv) WindowFloats() int { return windowRows * c.Kernel * c.In }

// Forward writes the convolution of the n rows of x to dst and takes them into
// the history. Window is a buffer of WindowFloats elements or more; dst must not
// overlap x.
func (c *CausalConv) Forward(dst, x, history, window []float32, n int) {
	if c.Kernel == 1 {
		c.weight.MulRows(dst, x, n)
		AddBias(dst, c.bias, n)
		return
	}
	past := c.HistoryRows()
	for at := 0; at < n; at += windowRows {
		some := min(windowRows, n-at)
		for t := range some {
			for k := range c.Kernel {
				from := at + t + k*c.Dilation - past
				row := x
				if from < 0 {
					row, from = history, from+past
				}
				copy(window[(t*c.Kernel+k)*c.In:(t*c.Kernel+k+1)*c.In], row[from*c.In:(from+1)*c.In])
			}
		}
		c.weight.MulRows(dst[at*c.Out:], window, some)
	}
	AddBias(dst, c.bias, n)
	Remember(history, x[:n*c.In])
}

// Remember shifts rows into a history: it keeps the newest elements.
func Remember(history, x []float32) {
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
	Remember(history, x[:n*c.Channels])
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
	return UpConv{In: in, Out: out, Stride: stride, weight: NewMatrix(stride*out, 2*in, data), bias: repeat(bias, stride)}
}

// WindowFloats is the size of the buffer that Forward needs.
func (c *UpConv) WindowFloats() int { return windowRows * 2 * c.In }

// Forward writes the blocks of the n rows of x to dst and returns the number of
// rows written: n*Stride, less one block if the first row of all is among them.
// Last is the row before x, [In]; Forward replaces it.
func (c *UpConv) Forward(dst, x, last []float32, first bool, window []float32, n int) int {
	if n == 0 {
		return 0
	}
	from := 0
	if first {
		from = 1
	}
	rows := n - from
	for at := 0; at < rows; at += windowRows {
		some := min(windowRows, rows-at)
		for t := range some {
			now := from + at + t
			before := last
			if now > 0 {
				before = x[(now-1)*c.In : now*c.In]
			}
			copy(window[t*2*c.In:], before)
			copy(window[(t*2+1)*c.In:], x[now*c.In:(now+1)*c.In])
		}
		c.weight.MulRows(dst[at*c.Stride*c.Out:], window, some)
	}
	AddBias(dst, c.bias, rows)
	copy(last, x[(n-1)*c.In:n*c.In])
	return rows * c.Stride
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
	return SplitConv{In: in, Out: out, Stride: stride, weight: NewMatrix(stride*out, in, data), bias: repeat(bias, stride)}
}

// Forward writes the n*Stride rows that the n rows of x become to dst.
func (c *SplitConv) Forward(dst, x []float32, n int) {
	c.weight.MulRows(dst, x, n)
	AddBias(dst, c.bias, n)
}

func repeat(v []float32, times int) []float32 {
	out := make([]float32, 0, len(v)*times)
	for range times {
		out = append(out, v...)
	}
	return out
}
