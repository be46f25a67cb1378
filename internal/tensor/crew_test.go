package tensor

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// onCores lets the crew use n cores, as many as the machine has or not.
func onCores(t *testing.T, n int) {
	procs, workers := runtime.GOMAXPROCS(n), Workers
	Workers = n
	t.Cleanup(func() {
		runtime.GOMAXPROCS(procs)
		Workers = workers
	})
}

// counted counts how often each part is done, and by how many at a time.
type counted struct {
	parts   []atomic.Int32
	workers []atomic.Int32
	fail    func(format string, args ...any)
}

func (c *counted) Tile(worker, i int) {
	if n := c.workers[worker].Add(1); n != 1 {
		c.fail("worker %d does %d parts at a time", worker, n)
	}
	c.parts[i].Add(1)
	runtime.Gosched()
	c.workers[worker].Add(-1)
}

func TestEveryPartIsDoneOnceWhoeverElseHasWork(t *testing.T) {
	onCores(t, 4)
	var callers sync.WaitGroup
	for range 5 {
		callers.Go(func() {
			for n := range 60 {
				c := &counted{parts: make([]atomic.Int32, n), workers: make([]atomic.Int32, 4), fail: t.Errorf}
				Run(n, enough, c)
				for i := range c.parts {
					if got := c.parts[i].Load(); got != 1 {
						t.Errorf("part %d of %d was done %d times", i, n, got)
					}
				}
			}
		})
	}
	callers.Wait()
}

func TestSmallWorkStaysWithItsCaller(t *testing.T) {
	onCores(t, 4)
	c := &counted{parts: make([]atomic.Int32, 50), workers: make([]atomic.Int32, 1), fail: t.Errorf}
	Run(50, enough-1, c) // a second worker would be out of range
}

// large makes a product that is worth several cores.
func large() (Matrix, []float32, []float32) {
	const rows, cols, n = 1280, 256, 7
	r := rand.New(rand.NewPCG(21, 22))
	return NewMatrix(rows, cols, random(r, rows*cols)), random(r, n*cols), make([]float32, n*rows)
}

func TestProductsHaveTheSameBitsOnAnyNumberOfCores(t *testing.T) {
	m, x, dst := large()
	want := make([]float32, len(dst))
	onCores(t, 1)
	m.MulRows(want, x, 7)
	for _, n := range []int{2, 3, 4} {
		onCores(t, n)
		for range 10 {
			clear(dst)
			m.MulRows(dst, x, 7)
			if !slices.Equal(dst, want) {
				t.Fatalf("%d cores: the product differs", n)
			}
		}
	}
}

func TestSharedWorkAllocatesNothingOnceWarm(t *testing.T) {
	onCores(t, 4)
	m, x, dst := large()
	c := &counted{parts: make([]atomic.Int32, 8), workers: make([]atomic.Int32, 4), fail: t.Errorf}
	run := func() {
		for range 20 {
			m.MulRows(dst, x, 7)
		}
		for range 500 {
			Run(8, enough, c)
		}
	}
	var before, after runtime.MemStats
	// The scheduler itself keeps some hundred records of goroutines that sleep
	// for each core before it uses old ones again.
	for range 20 {
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		if after.Mallocs == before.Mallocs {
			return
		}
	}
	t.Errorf("%d allocations", after.Mallocs-before.Mallocs)
}

func TestBatchComputesEachProductWithWhatFollows(t *testing.T) {
	withEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		const rows, cols, n = 40, 32, 9
		a, b := NewMatrix(rows, cols, random(r, rows*cols)), NewMatrix(rows, cols, random(r, rows*cols))
		x, bias, scale, residual := random(r, n*cols), random(r, rows), random(r, rows), random(r, n*rows)
		snake := NewSnake(random(r, rows), random(r, rows))
		halves := NewSnake(random(r, rows/2), random(r, rows/2)) // two rows of channels side by side
		var batch Batch
		for range 2 { // a batch is used again
			first, second, up, third := make([]float32, n*rows), make([]float32, n*rows), make([]float32, n*rows), make([]float32, n*rows)
			sum := slices.Clone(residual)
			batch.Add(Product{W: &a, Dst: first, X: x, N: n, Bias: bias, Snake: &snake})
			batch.Add(Product{W: &a, Dst: second, X: x, N: n - 1, Up: &b, UpDst: up})
			next := make([]float32, n*rows)
			batch.Add(Product{W: &b, Dst: third, X: x, N: n, Bias: bias, GELU: true, Scale: scale, Residual: sum, Next: &halves, NextDst: next})
			batch.Run()

			wantA, wantB := make([]float32, n*rows), make([]float32, n*rows)
			a.MulRows(wantA, x, n)
			b.MulRows(wantB, x, n)
			gated := slices.Clone(wantA)
			SiLUMul(gated, wantB)
			AddBias(wantA, bias, n)
			snake.Forward(wantA, wantA, n)
			AddBias(wantB, bias, n)
			GELU(wantB)
			Mul(wantB, scale, n)
			for i, v := range residual {
				wantB[i] += v
			}
			clear(gated[(n-1)*rows:]) // the second product leaves out the last row
			wantNext := make([]float32, n*rows)
			halves.Forward(wantNext, wantB, 2*n)
			if !slices.Equal(next, wantNext) {
				t.Fatal("the next activation differs")
			}
			if !slices.Equal(first, wantA) || !slices.Equal(second, gated) || !slices.Equal(sum, wantB) {
				t.Fatal("the results differ from those of one step after the other")
			}
		}
	})
}
