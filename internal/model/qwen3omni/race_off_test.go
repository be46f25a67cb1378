//go:build !race

package qwen3omni

const (
	tinyReplies = 200
	tinySounds  = 12
)
