//go:build !amd64 || purego

package tensor

func detect() instructions { return plain }
