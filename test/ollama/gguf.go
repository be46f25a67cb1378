package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// ggufAlignment is what GGUF aligns the data of its tensors to, in bytes, when
// the file does not say otherwise.
const ggufAlignment = 32

// ggmlType is the number that GGUF gives a tensor's element type.
type ggmlType uint32

const (
	ggmlF32 ggmlType = 0
	ggmlF16 ggmlType = 1
)

// pair is one entry of a GGUF header. The value is a uint32, an int32, a float32,
// a bool, a string, a []string or a []int32.
type pair struct {
	key   string
	value any
}

// tensor is one tensor of a GGUF file: its shape with the fastest dimension first,
// as ggml counts, and its elements in little-endian order.
type tensor struct {
	name  string
	shape []uint64
	kind  ggmlType
	data  []byte
}

// ggufKind is the number that GGUF gives the type of a header's value.
func ggufKind(v any) (uint32, error) {
	switch v.(type) {
	case uint32:
		return 4, nil
	case int32:
		return 5, nil
	case float32:
		return 6, nil
	case bool:
		return 7, nil
	case string:
		return 8, nil
	case []string, []int32:
		return 9, nil
	}
	return 0, fmt.Errorf("no GGUF type for %T", v)
}

// writeGGUF writes a file of version 3: the header, what it says of each tensor,
// and the tensors' data, each at a multiple of ggufAlignment.
func writeGGUF(w io.Writer, pairs []pair, tensors []tensor) error {
	var head bytes.Buffer
	head.WriteString("GGUF")
	put(&head, uint32(3))
	put(&head, uint64(len(tensors)))
	put(&head, uint64(len(pairs)))
	for _, p := range pairs {
		kind, err := ggufKind(p.value)
		if err != nil {
			return fmt.Errorf("entry %s: %w", p.key, err)
		}
		putString(&head, p.key)
		put(&head, kind)
		putValue(&head, p.value)
	}
	offset := uint64(0)
	for _, t := range tensors {
		putString(&head, t.name)
		put(&head, uint32(len(t.shape)))
		put(&head, t.shape)
		put(&head, t.kind)
		put(&head, offset)
		offset += uint64(len(t.data) + padding(len(t.data)))
	}
	head.Write(make([]byte, padding(head.Len())))
	if _, err := w.Write(head.Bytes()); err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	for _, t := range tensors {
		if _, err := w.Write(append(t.data[:len(t.data):len(t.data)], make([]byte, padding(len(t.data)))...)); err != nil {
			return fmt.Errorf("write tensor %s: %w", t.name, err)
		}
	}
	return nil
}

// putValue appends a header's value, whose type ggufKind knows.
func putValue(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case string:
		putString(b, v)
	case []string:
		put(b, uint32(8))
		put(b, uint64(len(v)))
		for _, s := range v {
			putString(b, s)
		}
	case []int32:
		put(b, uint32(5))
		put(b, uint64(len(v)))
		put(b, v)
	default:
		put(b, v)
	}
}

// putString appends a string behind its length.
func putString(b *bytes.Buffer, s string) {
	put(b, uint64(len(s)))
	b.WriteString(s)
}

// put appends a value of fixed size. A buffer takes whatever it is given, and the
// callers give nothing but such values.
func put(b *bytes.Buffer, v any) {
	if err := binary.Write(b, binary.LittleEndian, v); err != nil {
		panic("BUG: " + err.Error())
	}
}

// padding is the number of bytes from n to the next multiple of ggufAlignment.
func padding(n int) int {
	return (ggufAlignment - n%ggufAlignment) % ggufAlignment
}
