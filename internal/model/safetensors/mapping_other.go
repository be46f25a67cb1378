//go:build !unix

package safetensors

import "os"

// mapping is a file's bytes, read into memory where files cannot be mapped.
type mapping struct {
	data []byte
}

func openMapping(path string) (mapping, error) {
	data, err := os.ReadFile(path)
	return mapping{data: data}, err
}

func (m mapping) close() error { return nil }
