package openai

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest is the known name that a misspelt one most likely stands for, or "".
func nearest[T any](name string, known map[string]field[T]) string {
	const long = 64         // nothing that long is a slip of the pen
	best, distance := "", 3 // two edits at most
	if len(name) > long {
		return ""
	}
	for k := range known {
		d := levenshtein.ComputeDistance(strings.ToLower(name), k)
		if d < distance || d == distance && best != "" && k < best {
			best, distance = k, d
		}
	}
	if distance*2 >= len(name) {
		return ""
	}
	return best
}
