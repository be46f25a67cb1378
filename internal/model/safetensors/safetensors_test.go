package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file makes a file from a header and as many bytes of data, which count up.
func file(header string, data int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	out = append(out, header...)
	for i := range data {
		out = append(out, byte(i))
	}
	return out
}

func save(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, dir string) *Checkpoint {
	t.Helper()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func get(t *testing.T, c *Checkpoint, name string) Tensor {
	t.Helper()
	x, err := c.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Headers of lengths 0 to 7 beyond a multiple of eight put the data at every
// alignment.
func TestValuesAreReadAtAnyAlignment(t *testing.T) {
	for pad := range 8 {
		header := `{"f":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[8,12]},` +
			`"i":{"dtype":"I64","shape":[],"data_offsets":[12,20]},"none":{"dtype":"F32","shape":[0,5],"data_offsets":[20,20]}}` + strings.Repeat(" ", pad)
		data := file(header, 0)
		for _, v := range []float32{1.5, -2} {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		for _, bits := range []uint16{0x3fc0, 0xc000} {
			data = binary.LittleEndian.AppendUint16(data, bits)
		}
		data = binary.LittleEndian.AppendUint64(data, math.MaxUint64-41)
		dir := t.TempDir()
		save(t, dir, "model.safetensors", data)
		c := open(t, dir)
		f, b, i, none := get(t, c, "f"), get(t, c, "b"), get(t, c, "i"), get(t, c, "none")
		if got, err := f.Float32s(); err != nil || !slices.Equal(got, []float32{1.5, -2}) {
			t.Errorf("pad %d: F32 %v, %v", pad, got, err)
		}
		if got, err := b.Float32s(); err != nil || !slices.Equal(got, []float32{1.5, -2}) {
			t.Errorf("pad %d: BF16 as float32 %v, %v", pad, got, err)
		}
		if got, err := b.BF16Bits(); err != nil || !slices.Equal(got, []uint16{0x3fc0, 0xc000}) {
			t.Errorf("pad %d: BF16 %x, %v", pad, got, err)
		}
		if got, err := i.Int64s(); err != nil || !slices.Equal(got, []int64{-42}) {
			t.Errorf("pad %d: I64 %v, %v", pad, got, err)
		}
		if got, err := none.Float32s(); err != nil || len(got) != 0 {
			t.Errorf("pad %d: an empty tensor %v, %v", pad, got, err)
		}
		if len(c.tensors) != 4 || !slices.Equal(b.Shape, []int{2, 1}) || len(i.Shape) != 0 {
			t.Errorf("pad %d: %d tensors, shapes %v and %v", pad, len(c.tensors), b.Shape, i.Shape)
		}
	}
}

func TestAskingForWhatATensorIsNotNamesFileAndTensor(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "model.safetensors", file(`{"a.weight":{"dtype":"F64","shape":[2,3],"data_offsets":[0,48]},"__metadata__":{"format":"pt"}}`, 48))
	c := open(t, dir)
	x := get(t, c, "a.weight")
	_, missing := c.Tensor("b.weight")
	_, metadata := c.Tensor("__metadata__")
	_, floats := x.Float32s()
	_, bf16 := x.BF16Bits()
	_, ints := x.Int64s()
	for want, err := range map[string]error{
		"model.safetensors: b.weight: is missing":                        missing,
		"model.safetensors: __metadata__: is missing":                    metadata,
		"model.safetensors: a.weight: dtype is F64, must be F32 or BF16": floats,
		"model.safetensors: a.weight: dtype is F64, must be BF16":        bf16,
		"model.safetensors: a.weight: dtype is F64, must be I64":         ints,
		"model.safetensors: a.weight: shape is [2 3], must be [3 2]":     x.CheckShape(3, 2),
		"model.safetensors: a.weight: shape is [2 3], must be [6]":       x.CheckShape(6),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if err := x.CheckShape(2, 3); err != nil {
		t.Error(err)
	}
}

func TestFilesThatBreakTheFormatAreRefused(t *testing.T) {
	const a = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	for _, c := range []struct {
		name, header string
		data         int
		want         string
	}{
		{"no object", `[]`, 0, "header: json: cannot unmarshal array into Go value of type map[string]json.RawMessage"},
		{"half an object", `{"a"`, 0, "header: unexpected end of JSON input"},
		{"an entry of the wrong kind", `{"a":3}`, 0, "a: json: cannot unmarshal number into Go value of type safetensors.entry"},
		{"an unknown type", `{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}`, 8, `a: unknown dtype "F33"`},
		{"no type", `{"a":{"shape":[2],"data_offsets":[0,8]}}`, 8, `a: unknown dtype ""`},
		{"no shape", `{"a":{"dtype":"F32","data_offsets":[0,8]}}`, 8, "a: shape is missing"},
		{"no offsets", `{"a":{"dtype":"F32","shape":[2]}}`, 8, "a: data_offsets must be two numbers"},
		{"three offsets", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}`, 8, "a: data_offsets must be two numbers"},
		{"a negative dimension", `{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8, "a: shape [-2] has a bad dimension"},
		{"a negative offset", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[-1,8]}}`, 8, "a: json: cannot unmarshal number -1 into Go struct field entry.data_offsets of type uint64"},
		{"a shape that overflows", `{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0, "a: shape [4611686018427387904 4] is too large"},
		{"a shape that overflows by its type", `{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}`, 0, "a: shape [4611686018427387904] is too large"},
		{"offsets behind the file", `{` + a + `}`, 7, "a: data_offsets [0, 8] are outside the file's 7 bytes of data; is it truncated?"},
		{"offsets the wrong way", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8, "a: data_offsets [8, 0] are outside the file's 8 bytes of data; is it truncated?"},
		{"fewer bytes than the shape", `{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8, "a: data_offsets [0, 8] hold 8 bytes, F32 [3] takes 12"},
		{"overlapping tensors", `{` + a + `,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8, "b: its data overlaps that of a"},
		{"the same data twice", `{` + a + `,"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8, "b: its data overlaps that of a"},
		{"a hole", `{` + a + `,"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, 16, "b: no tensor has the 4 bytes of data before it"},
		{"data behind the last tensor", `{` + a + `}`, 9, "no tensor has the last 1 bytes of data"},
	} {
		_, err := parse("x", file(c.header, c.data))
		if err == nil || err.Error() != "x: "+c.want {
			t.Errorf("%s: error %v\nwant x: %s", c.name, err, c.want)
		}
	}
	for want, data := range map[string][]byte{
		"x: 0 bytes are too few for a safetensors file":                                {},
		"x: 7 bytes are too few for a safetensors file":                                make([]byte, 7),
		"x: header of 5 bytes is longer than the file; is it truncated?":               {5, 0, 0, 0, 0, 0, 0, 0, '{', '}'},
		"x: header of 18446744073709551615 bytes is longer than the allowed 100000000": {255, 255, 255, 255, 255, 255, 255, 255, '{', '}'},
	} {
		if _, err := parse("x", data); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestShardsAreFoundByTheirIndex(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "one.safetensors", file(`{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"unlisted":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}`, 5))
	save(t, dir, "two.safetensors", file(`{"b":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, 8))
	index := map[string]any{"metadata": map[string]any{"total_size": 12}, "weight_map": map[string]string{"a": "one.safetensors", "b": "two.safetensors"}}
	text, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	save(t, dir, "model.safetensors.index.json", text)
	c := open(t, dir)
	if a, b := get(t, c, "a"), get(t, c, "b"); a.File != "one.safetensors" || b.File != "two.safetensors" || len(c.tensors) != 2 {
		t.Errorf("a is in %s, b in %s, %d tensors", a.File, b.File, len(c.tensors))
	}
	if _, err := c.Tensor("unlisted"); err == nil || err.Error() != "model.safetensors.index.json: unlisted: is missing" {
		t.Errorf("a tensor that the index does not list: %v", err)
	}
}

func TestBadIndexesAreRefused(t *testing.T) {
	for index, want := range map[string]string{
		`{`:                 "model.safetensors.index.json: unexpected end of JSON input",
		`{}`:                "model.safetensors.index.json: weight_map: is missing or empty",
		`{"weight_map":[]}`: "model.safetensors.index.json: json: cannot unmarshal array into Go struct field .weight_map of type map[string]string",
		`{"weight_map":{"a":"../x.safetensors"}}`:                      `model.safetensors.index.json: weight_map: a: "../x.safetensors" is outside the folder`,
		`{"weight_map":{"a":"/x.safetensors"}}`:                        `model.safetensors.index.json: weight_map: a: "/x.safetensors" is outside the folder`,
		`{"weight_map":{"a":"one.safetensors","b":"one.safetensors"}}`: "one.safetensors: b: is missing, though model.safetensors.index.json lists it",
	} {
		dir := t.TempDir()
		save(t, dir, "one.safetensors", file(`{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}`, 4))
		save(t, dir, "model.safetensors.index.json", []byte(index))
		if _, err := Open(dir); err == nil || err.Error() != want {
			t.Errorf("%s: error %v\nwant %s", index, err, want)
		}
	}
}

func TestMissingFilesAreNotExistErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) || err.Error() != "neither model.safetensors nor model.safetensors.index.json: file does not exist" {
		t.Errorf("an empty folder: %v", err)
	}
	save(t, dir, "model.safetensors.index.json", []byte(`{"weight_map":{"a":"gone.safetensors"}}`))
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "gone.safetensors: ") {
		t.Errorf("a missing shard: %v", err)
	}
	if _, err := OpenFile(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder as a file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]},"__metadata__":{}}`, 12))
	f.Add(file(`{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}`, 8))
	f.Add(file(`{"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}}`, 0))
	f.Add(file(`{}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := parse("x", data)
		if err != nil {
			return
		}
		total := 0
		for name, x := range tensors {
			n := 1
			for _, dim := range x.Shape {
				n *= dim
			}
			got := -1
			switch x.DType {
			case F32:
				v, _ := x.Float32s()
				got = len(v)
			case BF16:
				v, _ := x.BF16Bits()
				got = len(v)
			case I64:
				v, _ := x.Int64s()
				got = len(v)
			}
			if got >= 0 && got != n {
				t.Errorf("%s has %d elements, its shape %v says %d", name, got, x.Shape, n)
			}
			total += len(x.data)
		}
		if length := int(binary.LittleEndian.Uint64(data)); total != len(data)-lengthBytes-length {
			t.Errorf("the tensors take %d of %d bytes", total, len(data)-lengthBytes-length)
		}
	})
}
