package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"slices"
)

// A file is the header's length (8 bytes, little-endian), the header (JSON:
// tensor name to type, shape and byte range), and the tensors' bytes.
const (
	lengthBytes = 8
	// maxHeader is the reference implementation's bound.
	maxHeader = 100_000_000
	// metadataKey is the header entry that is not a tensor.
	metadataKey = "__metadata__"
)

type entry struct {
	DType   DType    `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

// parse reads the header of a whole file and cuts its data into tensors.
func parse(file string, data []byte) (map[string]Tensor, error) {
	if len(data) < lengthBytes {
		return nil, fmt.Errorf("%s: %d bytes are too few for a safetensors file", file, len(data))
	}
	length := binary.LittleEndian.Uint64(data)
	data = data[lengthBytes:]
	if length > maxHeader {
		return nil, fmt.Errorf("%s: header of %d bytes is longer than the allowed %d", file, length, maxHeader)
	}
	if length > uint64(len(data)) {
		return nil, fmt.Errorf("%s: header of %d bytes is longer than the file; is it truncated?", file, length)
	}
	header, data := data[:length], data[length:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("%s: header: %w", file, err)
	}
	delete(raw, metadataKey)
	tensors := make(map[string]Tensor, len(raw))
	ranges := make([]span, 0, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var e entry
		if err := json.Unmarshal(raw[name], &e); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, name, err)
		}
		t, s, err := e.tensor(file, name, data)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, name, err)
		}
		tensors[name] = t
		ranges = append(ranges, s)
	}
	if err := covers(ranges, uint64(len(data))); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return tensors, nil
}

func (e *entry) tensor(file, name string, data []byte) (Tensor, span, error) {
	size, ok := elementSizes[e.DType]
	if !ok {
		return Tensor{}, span{}, fmt.Errorf("unknown dtype %q", e.DType)
	}
	if e.Shape == nil {
		return Tensor{}, span{}, fmt.Errorf("shape is missing")
	}
	if len(e.Offsets) != 2 {
		return Tensor{}, span{}, fmt.Errorf("data_offsets must be two numbers")
	}
	shape, want := make([]int, len(e.Shape)), uint64(size)
	for i, dim := range e.Shape {
		if dim < 0 || int64(int(dim)) != dim {
			return Tensor{}, span{}, fmt.Errorf("shape %v has a bad dimension", e.Shape)
		}
		shape[i] = int(dim)
		over, product := bits.Mul64(want, uint64(dim))
		if over != 0 {
			return Tensor{}, span{}, fmt.Errorf("shape %v is too large", e.Shape)
		}
		want = product
	}
	from, to := e.Offsets[0], e.Offsets[1]
	if from > to || to > uint64(len(data)) {
		return Tensor{}, span{}, fmt.Errorf("data_offsets [%d, %d] are outside the file's %d bytes of data; is it truncated?", from, to, len(data))
	}
	if to-from != want {
		return Tensor{}, span{}, fmt.Errorf("data_offsets [%d, %d] hold %d bytes, %s %v takes %d", from, to, to-from, e.DType, e.Shape, want)
	}
	return Tensor{File: file, Name: name, DType: e.DType, Shape: shape, data: data[from:to:to]}, span{name, from, to}, nil
}

// span is the byte range of a tensor.
type span struct {
	name     string
	from, to uint64
}

// covers checks that the tensors take all the data, each byte once, as the
// format demands.
func covers(ranges []span, size uint64) error {
	slices.SortFunc(ranges, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.name, b.name))
	})
	var at uint64
	for i, s := range ranges {
		if s.from < at {
			return fmt.Errorf("%s: its data overlaps that of %s", s.name, ranges[i-1].name)
		}
		if s.from > at {
			return fmt.Errorf("%s: no tensor has the %d bytes of data before it", s.name, s.from-at)
		}
		at = s.to
	}
	if at != size {
		return fmt.Errorf("no tensor has the last %d bytes of data", size-at)
	}
	return nil
}
