package ar

import (
	"math/rand/v2"
	"time"
)

// blockLives follows a sample of the pool's blocks from the moment they are
// given out until they are given out again, which is when their content is
// lost. A nil blockLives follows none.
type blockLives struct {
	rate   float64 // the share of the blocks that are followed
	random *rand.Rand
	now    func() time.Time
	tell   listeners

	lives []blockLife // by block
	event BlockLife
	reuse [findings - 1]time.Duration
}

// findings is how many of a block's findings are remembered.
const findings = 4

// blockLife is one block's life so far; it is not followed while born is zero.
type blockLife struct {
	born, last time.Time
	found      [findings]time.Time // the newest ones, the oldest of them first
	n          int
}

// newBlockLives follows a share, rate, of that many blocks.
func newBlockLives(blocks int, rate float64, now func() time.Time, tell listeners) *blockLives {
	return &blockLives{
		rate: rate, random: rand.New(rand.NewPCG(1, uint64(blocks))), now: now, tell: tell, lives: make([]blockLife, blocks),
	}
}

// began ends what life the block had and decides whether its next is followed.
func (l *blockLives) began(b int32) {
	if l == nil {
		return
	}
	life := &l.lives[b]
	follow := l.random.Float64() < l.rate
	if !follow && life.born.IsZero() {
		return
	}
	now := l.now()
	if !life.born.IsZero() {
		l.event = BlockLife{Lifetime: now.Sub(life.born), Idle: now.Sub(life.last), Reuse: l.reuse[:0]}
		for i := 1; i < life.n; i++ {
			l.event.Reuse = append(l.event.Reuse, life.found[i].Sub(life.found[i-1]))
		}
		l.tell.blockEvicted(&l.event)
	}
	*life = blockLife{}
	if follow {
		life.born, life.last = now, now
	}
}

// found notes that the block was found in the prefix cache.
func (l *blockLives) found(b int32) {
	if l == nil || l.lives[b].born.IsZero() {
		return
	}
	life := &l.lives[b]
	life.last = l.now()
	if life.n == findings {
		copy(life.found[:], life.found[1:])
		life.n--
	}
	life.found[life.n] = life.last
	life.n++
}
