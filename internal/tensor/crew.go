package tensor

import (
	"runtime"
	"sync/atomic"
)

// Tiles is work that falls into independent parts. A tile computes the same
// bits whoever computes it and whatever its neighbours do.
type Tiles interface {
	// Tile does part i. Worker, less than Workers, is of nobody else at the same
	// time, so that it may choose a working memory.
	Tile(worker, i int)
}

// Workers bounds how many goroutines work on one Tiles.
var Workers = runtime.NumCPU()

// enough is the work that pays for a second core, in multiplications: it
// takes one core 40 microseconds and more, sharing it costs 10 to 20.
const enough = 4 << 20

// Run does all n parts of w, on several cores if cost, in multiplications, is
// worth it. The caller works too, and cores that have other work stay with it.
// Run allocates nothing once some jobs have been done, and leaves no goroutine
// that waits for the next one: the scheduler keeps ended goroutines for reuse,
// and its sleeping threads are the crew.
func Run(n, cost int, w Tiles) {
	helpers := 0
	if cost >= enough && n > 1 {
		helpers = min(runtime.GOMAXPROCS(0), Workers, n) - 1
	}
	if helpers > 0 {
		helpers = hire(helpers)
	}
	if helpers == 0 {
		for i := range n {
			w.Tile(0, i)
		}
		return
	}
	share(n, helpers, w)
}

// hired counts the helpers of all callers.
var hired atomic.Int64

// hire reserves up to n helpers, of n that there may be in all, and returns how
// many it got.
func hire(n int) int {
	for {
		now := hired.Load()
		some := int64(n) - now
		if some <= 0 {
			return 0
		}
		if hired.CompareAndSwap(now, now+some) {
			return int(some)
		}
	}
}

// job is one Tiles while it is worked on.
type job struct {
	tiles Tiles
	n     int64
	help  func() // what a helper runs; made once

	next    atomic.Int64 // the part to be taken next
	left    atomic.Int64 // parts that are not done
	workers atomic.Int64 // worker numbers given out
	// holders counts who may still look at the job: a helper may come when all is
	// done. The last one gives the job back.
	holders atomic.Int64
	done    chan struct{} // a helper has done the last part
}

// jobs are those that were done and will be used again.
var jobs = make(chan *job, 32)

func newJob() *job {
	j := &job{done: make(chan struct{}, 1)}
	j.help = func() {
		if j.work(int(j.workers.Add(1) - 1)) {
			j.done <- struct{}{}
		}
		hired.Add(-1)
		j.release()
	}
	return j
}

// share does the parts of w with the given number of helpers.
func share(n, helpers int, w Tiles) {
	var j *job
	select {
	case j = <-jobs:
	default:
		j = newJob()
	}
	j.tiles, j.n = w, int64(n)
	j.next.Store(0)
	j.left.Store(int64(n))
	j.workers.Store(1)
	j.holders.Store(int64(1 + helpers))
	for range helpers {
		go j.help()
	}
	// The newest goroutine waits behind its maker on the same core until another
	// core steals it, which takes the scheduler 60 microseconds and more. So this
	// goroutine steps back: the helper starts at once, and the core that was
	// woken takes this goroutine on.
	runtime.Gosched()
	if !j.work(0) {
		<-j.done
	}
	j.release()
}

// work does parts until none is left to take. It is true for the one that did
// the last part.
func (j *job) work(worker int) bool {
	for {
		i := j.next.Add(1) - 1
		if i >= j.n {
			return false
		}
		j.tiles.Tile(worker, int(i))
		if j.left.Add(-1) == 0 {
			return true
		}
	}
}

func (j *job) release() {
	if j.holders.Add(-1) > 0 {
		return
	}
	j.tiles = nil
	select {
	case jobs <- j:
	default:
	}
}
