//go:build !amd64 || purego

package tensor

func available() []*instructions { return []*instructions{plain} }
