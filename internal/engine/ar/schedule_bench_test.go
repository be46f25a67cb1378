package ar

import (
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

// BenchmarkSchedule is what a step costs besides its kernels and its sampling:
// 64 sequences that each decode.
func BenchmarkSchedule(b *testing.B) {
	e := assemble(tinyThinker(), Config{})
	for i := range 64 {
		req := engine.Request{Tokens: prompt(10 + i), Sampling: sampled(uint64(i), 1000)}
		req.Sampling.IgnoreEOS = true
		if _, err := e.Start(req); err != nil {
			b.Fatal(err)
		}
	}
	for range 4 {
		e.pass()
	}
	b.ReportAllocs()
	for b.Loop() {
		e.collect()
		if !e.schedule() || len(e.batch) != 64 {
			b.Fatalf("%d sequences in the step", len(e.batch))
		}
	}
}

// BenchmarkFirstToken is the time to the first token of a prompt of 1000 tokens,
// all but the last 8 of which another prompt began with.
func BenchmarkFirstToken(b *testing.B) {
	for _, c := range []struct {
		name string
		off  bool
	}{{"cached", false}, {"computed", true}} {
		b.Run(c.name, func(b *testing.B) {
			e := assemble(tinyThinker(), Config{NoPrefixCaching: c.off})
			ids := prompt(1000)[:1000]
			n := int32(0)
			for b.Loop() {
				n++
				ids[999], ids[998] = n%100, n/100%100
				s, err := e.Start(engine.Request{Tokens: ids, Sampling: sampled(1, 1)})
				if err != nil {
					b.Fatal(err)
				}
				for e.pass() {
				}
				take(s)
			}
		})
	}
}
