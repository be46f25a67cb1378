//go:build unix

package safetensors

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mapping is a file's bytes, mapped into memory, read-only.
type mapping struct {
	data []byte
}

func openMapping(path string) (mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return mapping{}, err
	}
	defer f.Close() // the mapping outlives the descriptor
	info, err := f.Stat()
	if err != nil {
		return mapping{}, err
	}
	size := info.Size()
	if !info.Mode().IsRegular() || int64(int(size)) != size {
		return mapping{}, fmt.Errorf("not a file that can be mapped (%s, %d bytes)", info.Mode(), size)
	}
	if size == 0 {
		return mapping{}, nil // an empty range cannot be mapped
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return mapping{}, fmt.Errorf("map: %w", err)
	}
	return mapping{data: data}, nil
}

func (m mapping) close() error {
	if m.data == nil {
		return nil
	}
	return unix.Munmap(m.data)
}
