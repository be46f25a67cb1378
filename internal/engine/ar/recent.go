package ar

import (
	"slices"

	"github.com/limelight-omni/limelight/internal/engine"
)

// recent holds the newest tokens that a sequence generated, as many as its bad
// words and its limit on repetition look back at.
type recent struct {
	ids  []int32 // the newest one last; at least most of them once there were as many
	most int
	engine.Repetition
}

func newRecent(p *engine.Sampling) recent {
	r := recent{Repetition: p.Repetition}
	r.most = min(r.MaxPattern*r.MinCount, p.MaxTokens)
	for _, word := range p.BadWords {
		r.most = max(r.most, len(word)-1)
	}
	if r.most > 0 {
		r.ids = make([]int32, 0, 2*r.most)
	}
	return r
}

func (r *recent) add(id int32) {
	if r.most == 0 {
		return
	}
	if len(r.ids) == cap(r.ids) {
		r.ids = r.ids[:copy(r.ids, r.ids[len(r.ids)-r.most:])]
	}
	r.ids = append(r.ids, id)
}

// endsIn says whether the newest tokens are the given ones.
func (r *recent) endsIn(ids []int32) bool {
	return len(ids) <= len(r.ids) && slices.Equal(r.ids[len(r.ids)-len(ids):], ids)
}

// repeats says whether the newest tokens are MinCount times one pattern.
func (r *recent) repeats() bool {
	for size := max(1, r.MinPattern); size <= r.MaxPattern && size*r.MinCount <= len(r.ids); size++ {
		tail := r.ids[len(r.ids)-size*r.MinCount:]
		if slices.Equal(tail[size:], tail[:len(tail)-size]) {
			return true
		}
	}
	return false
}
