package config

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest is the known name that a misspelt one most likely stands for, or "":
// at most two edits away, and no more than half of the name, or the name behind
// another word, as replicas is in num_replicas.
func nearest(name string, known []string) string {
	const long = 64 // nothing that long is a slip of the pen
	best, distance := "", 3
	if len(name) > long {
		return ""
	}
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" && distance*2 <= len(name) {
		return best
	}
	for _, k := range known {
		if strings.HasSuffix(k, "_"+name) || strings.HasSuffix(k, "-"+name) {
			return k
		}
	}
	return ""
}

// Nearest is the flag that a misspelt one, without dashes, most likely stands
// for, or "".
func Nearest(flag string) string {
	var flags []string
	for _, o := range Default().Options() {
		if o.Flag != "" {
			flags = append(flags, o.Flag)
		}
		if o.Negation != "" {
			flags = append(flags, o.Negation)
		}
	}
	return nearest(strings.ReplaceAll(flag, "_", "-"), flags)
}
