package openai

// RepetitionDetection ends a reply that has come to repeat itself: its newest
// tokens are MinCount times one pattern of MinPatternSize to MaxPatternSize
// tokens. The names and their meaning are vLLM's.
type RepetitionDetection struct {
	MaxPatternSize int64 // 0, which is off, to 2048
	MinPatternSize int64 // 0, which means 1, to MaxPatternSize
	MinCount       int64 // 2 to 1024
}

// Bounds of the work that looking for repetitions takes; the first one is what
// vLLM's server has unless it is configured.
const (
	maxPatternSize  = 2048
	maxPatternCount = 1024
)

var repetitionSchema = schema[RepetitionDetection]{fields: map[string]field[RepetitionDetection]{
	"max_pattern_size": countField(maxPatternSize, func(r *RepetitionDetection) *int64 { return &r.MaxPatternSize }),
	"min_pattern_size": countField(maxPatternSize, func(r *RepetitionDetection) *int64 { return &r.MinPatternSize }),
	"min_count":        countField(maxPatternCount, func(r *RepetitionDetection) *int64 { return &r.MinCount }),
}}

// countField reads an integer from 0 to a bound.
func countField[T any](to int64, place func(*T) *int64) field[T] {
	return func(r *T, v value) (e *Error) {
		*place(r), e = bounded(v, 0, to)
		return e
	}
}

func decodeRepetition[T any](place func(*T) **RepetitionDetection) field[T] {
	return func(r *T, v value) *Error {
		d := new(RepetitionDetection)
		*place(r) = d
		return repetitionSchema.decode(d, v)
	}
}

// check holds the sizes against each other.
func (r *RepetitionDetection) check(path string) *Error {
	path += "repetition_detection."
	switch {
	case r == nil:
		return nil
	case r.MinPatternSize > r.MaxPatternSize:
		return BadRequest(path+"min_pattern_size", "must be at most max_pattern_size, %d, got %d", r.MaxPatternSize, r.MinPatternSize)
	case r.MaxPatternSize > 0 && r.MinCount < 2:
		return BadRequest(path+"min_count", "must be between 2 and %d, got %d", maxPatternCount, r.MinCount)
	}
	return nil
}
