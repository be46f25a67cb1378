package engine

import "time"

// Course says how an output came to be, so that whoever moves it along can tell
// what its time went by with. An Exchange fills it in.
type Course struct {
	// Made is when the stage gave the output, by this process's clock.
	Made time.Time
	// Taken is the number of payloads that the stage had taken by then; the end
	// of its input counts as one more.
	Taken int
	// Awaited is the payload, counted from 1, that the stage last had to wait for
	// since the output before; 0 if it never had to.
	Awaited int
	// AfterFull is the time from when the output buffer last had room again until
	// Made; 0 if it was not full since the output before.
	AfterFull time.Duration
	// Tells says that the engine reports its work. Worked is how long it worked
	// for the output since the output before or, if that came later, since the
	// payload that it awaited. The rest it worked for others.
	Tells  bool
	Worked time.Duration
}

// course is an exchange's part in the next output's Course. The exchange's mu
// guards it.
type course struct {
	Course
	starved bool      // the last Take found nothing
	ended   bool      // the end of the input was counted
	full    bool      // Room was refused since the output before
	resumed time.Time // when there was room again
}

// took takes in that a payload, or the end of the input, was taken.
func (c *course) took() {
	c.Taken++
	if c.starved {
		c.starved, c.Awaited, c.Worked = false, c.Taken, 0
	}
}

// next returns the course of an output that is made now, and begins another.
func (c *course) next() Course {
	done := c.Course
	done.Made = time.Now()
	if !c.resumed.IsZero() {
		done.AfterFull = done.Made.Sub(c.resumed)
	}
	c.Awaited, c.Worked = 0, 0
	c.full, c.resumed = false, time.Time{}
	return done
}
