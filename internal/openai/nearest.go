package openai

import "strings"

// nearest is the known name that a misspelt one most likely stands for, or "".
func nearest[T any](name string, known map[string]field[T]) string {
	best, distance := "", 3 // two edits at most
	for k := range known {
		d := edits(strings.ToLower(name), k)
		if d < distance || d == distance && best != "" && k < best {
			best, distance = k, d
		}
	}
	if distance*2 >= len(name) {
		return ""
	}
	return best
}

// edits is the Levenshtein distance of two names; long ones are never near.
func edits(a, b string) int {
	const long = 40
	if len(a) > long || len(b) > long {
		return long
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
