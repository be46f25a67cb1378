//go:build !race

package qwen3omni

const (
	tinyReplies = 320
	tinySounds  = 12
)
