package tensor

import (
	"runtime"
	"sync"
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
// takes one core about 40 microseconds, sharing it about 10.
const enough = 1 << 20

// Run does all n parts of w, on several cores if cost, in multiplications, is
// worth it. The caller works too, and cores that have other work stay with it.
// Run allocates nothing.
func Run(n, cost int, w Tiles) {
	helpers := 0
	if cost >= enough && n > 1 {
		helpers = min(runtime.GOMAXPROCS(0), Workers, n) - 1
	}
	if helpers == 0 {
		for i := range n {
			w.Tile(0, i)
		}
		return
	}
	crew.run(n, helpers, w)
}

// crew is the process's helpers: goroutines that sleep until somebody has
// work to share. They are started when first needed and stay.
var crew = helpers{
	invitations: make(chan *job),
	unused:      make(chan *job, 32),
}

type helpers struct {
	invitations chan *job // unbuffered: only a helper that sleeps takes one
	unused      chan *job

	mu      sync.Mutex // guards starting
	started atomic.Int32
}

// job is one Tiles while it is worked on.
type job struct {
	tiles Tiles
	n     int64

	next    atomic.Int64 // the part to be taken next
	left    atomic.Int64 // parts that are not done
	workers atomic.Int64 // worker numbers given out
	// holders counts who may still look at the job: a helper that was invited
	// may come when all is done. The last one gives the job back.
	holders atomic.Int64
	done    chan struct{} // a helper has done the last part
}

func (c *helpers) run(n, helpers int, w Tiles) {
	c.start(helpers)
	var j *job
	select {
	case j = <-c.unused:
	default:
		j = &job{done: make(chan struct{}, 1)}
	}
	j.tiles, j.n = w, int64(n)
	j.next.Store(0)
	j.left.Store(int64(n))
	j.workers.Store(1)
	j.holders.Store(int64(1 + helpers))

	invited := 0
invite:
	for invited < helpers {
		select {
		case c.invitations <- j:
			invited++
		default:
			break invite
		}
	}
	j.holders.Add(int64(invited - helpers))
	if invited > 0 {
		// A helper that was woken waits behind its waker on the same core until
		// another core steals it, which takes the scheduler 60 microseconds and
		// more. So this goroutine steps back: the helper starts at once, and the
		// core that the wake-up woke takes this goroutine on.
		runtime.Gosched()
	}
	if !j.work(0) {
		<-j.done
	}
	c.release(j)
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

func (c *helpers) release(j *job) {
	if j.holders.Add(-1) > 0 {
		return
	}
	j.tiles = nil
	select {
	case c.unused <- j:
	default:
	}
}

// start makes sure that there are n helpers.
func (c *helpers) start(n int) {
	if int(c.started.Load()) >= n {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for int(c.started.Load()) < n {
		c.started.Add(1)
		go c.help()
	}
}

func (c *helpers) help() {
	for j := range c.invitations {
		if j.work(int(j.workers.Add(1) - 1)) {
			j.done <- struct{}{}
		}
		c.release(j)
	}
}
