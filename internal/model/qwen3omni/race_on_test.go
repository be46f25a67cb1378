//go:build race

package qwen3omni

// The race detector makes arithmetic ten times slower.
const (
	tinyReplies = 24
	tinySounds  = 2
)
