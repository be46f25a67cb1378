package bench

import (
	"math"
	"math/rand/v2"
	"time"
)

// schedule gives the intended starts of an open loop, counted from the run's
// start: gaps are gamma distributed around 1/rate, with the burstiness as the
// shape, as vllm bench has them. While the rate ramps up, the expected number
// of starts by t is rate*t*t/(2*ramp).
type schedule struct {
	o      *Options
	random *rand.Rand
	at     float64 // in units of mean gaps at the full rate
}

func newSchedule(o *Options) *schedule {
	return &schedule{o: o, random: rand.New(rand.NewPCG(o.Seed, 2))}
}

// next is the next intended start.
func (s *schedule) next() time.Duration {
	t := s.at / s.o.RequestRate // seconds at the full rate
	if ramp := s.o.RampUp.Seconds(); ramp > 0 {
		if t < ramp/2 { // the ramp holds half as many starts
			t = math.Sqrt(2 * ramp * t)
		} else {
			t += ramp / 2
		}
	}
	s.at += s.gamma(s.o.Burstiness) / s.o.Burstiness
	return time.Duration(t * float64(time.Second))
}

// gamma draws from the gamma distribution of the shape and the scale 1
// (Marsaglia and Tsang, 2000).
func (s *schedule) gamma(shape float64) float64 {
	if shape < 1 {
		return s.gamma(shape+1) * math.Pow(s.random.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := s.random.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v *= v * v
		if u := s.random.Float64(); math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
