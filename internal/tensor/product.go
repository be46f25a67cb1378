package tensor

import (
	"fmt"
	"unsafe"
)

// Product is rows times the transpose of a matrix, and what becomes of the
// sums: first bias, then one activation, then scale.
type Product struct {
	W   *Matrix
	Dst []float32 // [N, W.Rows]; it overlaps neither X nor Residual
	X   []float32 // [N, W.Cols]
	N   int

	Bias []float32 // [W.Rows], added; nil for none

	// Up, [W.Rows, W.Cols], and UpDst, [N, W.Rows], make the middle of a gated
	// MLP: Dst becomes silu(W x) * (Up x), and UpDst is working memory.
	Up    *Matrix
	UpDst []float32
	Snake *Snake // by channel: column c is channel c modulo the channels
	GELU  bool

	Scale []float32 // [W.Rows], multiplied; nil for none
	// Residual, [N, W.Rows], has the result added to it, if it is not nil.
	Residual []float32

	// Next, if not nil, is applied to the result, or to the residual with the
	// result, and goes to NextDst, [N, W.Rows].
	Next    *Snake
	NextDst []float32

	// A convolution's row of x is not whole: it has taps parts, each of
	// W.Cols/taps elements and dilation rows of x further on. 0 means 1.
	taps, dilation int

	tileRows, tileX int // rows of W and of X in a tile
	xTiles, tiles   int
}

// Tiles are as large as keeps their weights in the cache of a core while rows
// of x pass by, and their rows of x while weights do.
const (
	tileBytes = 128 << 10
	tileX     = 96
)

// plan checks the sizes and cuts the product into tiles.
func (p *Product) plan() {
	w := p.W
	p.taps = max(p.taps, 1)
	cols := w.Cols / p.taps
	need := p.N * w.Cols
	if p.taps > 1 {
		need = (p.N + (p.taps-1)*p.dilation) * cols
	}
	if len(p.Dst) < p.N*w.Rows || len(p.X) < need {
		panic(fmt.Sprintf("BUG: matrix [%d,%d] times %d rows: x has %d elements, dst %d", w.Rows, w.Cols, p.N, len(p.X), len(p.Dst)))
	}
	size := 4
	if w.bf16 != nil {
		size = 2
	}
	rows := tileBytes / max(1, w.Cols*size)
	if p.Up != nil {
		rows /= 2
	}
	p.tileRows = max(16, rows&^15)
	p.tileX = tileX
	p.xTiles = (p.N + p.tileX - 1) / p.tileX
	p.tiles = (w.Rows + p.tileRows - 1) / p.tileRows * p.xTiles
}

// cost is the product's work in multiplications. A weight's way from memory
// counts as eight of them.
func (p *Product) cost() int {
	weights := p.W.Rows * p.W.Cols
	if p.Up != nil {
		weights *= 2
	}
	return weights * (p.N + 8)
}

// tile computes one tile.
func (p *Product) tile(i int) {
	r0, x0 := i/p.xTiles*p.tileRows, i%p.xTiles*p.tileX
	r1, x1 := min(r0+p.tileRows, p.W.Rows), min(x0+p.tileX, p.N)
	p.mul(p.W, p.Dst, r0, r1, x0, x1)
	if p.Up != nil {
		p.mul(p.Up, p.UpDst, r0, r1, x0, x1)
	}
	stride := p.W.Rows
	for i := x0; i < x1; i++ {
		from, to := i*stride+r0, i*stride+r1
		row := p.Dst[from:to]
		if p.Bias != nil {
			Add(row, p.Bias[r0:r1])
		}
		switch {
		case p.Up != nil:
			SiLUMul(row, p.UpDst[from:to])
		case p.Snake != nil:
			p.Snake.row(row, row, r0)
		case p.GELU:
			GELU(row)
		}
		if p.Scale != nil {
			Mul(row, p.Scale[r0:r1], 1)
		}
		if p.Residual != nil {
			Add(p.Residual[from:to], row)
			row = p.Residual[from:to]
		}
		if p.Next != nil {
			p.Next.row(p.NextDst[from:to], row, r0)
		}
	}
}

// mul writes the sums of w's rows r0 to r1-1 with rows x0 to x1-1 of x.
func (p *Product) mul(w *Matrix, dst []float32, r0, r1, x0, x1 int) {
	cols := w.Cols / p.taps
	if !simd.whole(cols) {
		for tap := range p.taps {
			x := p.X[(x0+tap*p.dilation)*cols:]
			if p.taps == 1 {
				x = p.X[x0*cols:]
			}
			w.mulPlain(dst[x0*w.Rows:], r0, r1, x, x1-x0, tap*cols, cols, tap > 0)
		}
		return
	}
	size := 4
	if w.bf16 != nil {
		size = 2
	}
	panel := panel{
		dstStride: 4 * w.Rows,
		wStride:   size * w.Cols,
		rows:      r1 - r0,
		xStride:   4 * cols,
		taps:      p.taps,
		tapStride: 4 * cols * (p.dilation - 1),
		cols:      cols,
	}
	if w.bf16 != nil {
		panel.w = unsafe.Pointer(&w.bf16[r0*w.Cols])
	} else {
		panel.w = unsafe.Pointer(&w.f32[r0*w.Cols])
	}
	for i := x0; i < x1; {
		n := rowGroup(x1 - i)
		panel.dst = unsafe.Pointer(&dst[i*w.Rows+r0])
		panel.x = unsafe.Pointer(&p.X[i*cols])
		mulPanel(&panel, w.bf16 != nil, n)
		i += n
	}
}

// Batch is products that do not depend on each other and are computed
// together, so that the cores are called only once. It keeps its memory. A
// Batch belongs to one goroutine.
type Batch struct {
	products []Product
	ends     []int // number of tiles up to each product's end
	cost     int
}

// Add adds a product, which must stay as it is until Run.
func (b *Batch) Add(p Product) {
	p.plan()
	end := p.tiles
	if n := len(b.ends); n > 0 {
		end += b.ends[n-1]
	}
	b.products = append(b.products, p)
	b.ends = append(b.ends, end)
	b.cost += p.cost()
}

// Run computes the products and leaves the batch empty.
func (b *Batch) Run() {
	if n := len(b.ends); n > 0 {
		Run(b.ends[n-1], b.cost, b)
	}
	clear(b.products)
	b.products, b.ends, b.cost = b.products[:0], b.ends[:0], 0
}

// Tile implements Tiles.
func (b *Batch) Tile(_, i int) {
	low, high := 0, len(b.ends)-1
	for low < high {
		if middle := (low + high) / 2; b.ends[middle] <= i {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low > 0 {
		i -= b.ends[low-1]
	}
	b.products[low].tile(i)
}

var _ Tiles = (*Batch)(nil)
