package main

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

func TestHeaderIsLaidOutAsGGUFVersion3(t *testing.T) {
	var got bytes.Buffer
	err := writeGGUF(&got,
		[]pair{{"n", uint32(7)}, {"s", "ab"}, {"a", []string{"x"}}, {"b", true}, {"i", []int32{-1}}},
		[]tensor{
			{"t", []uint64{2, 1}, ggmlF16, []byte{1, 2, 3, 4}},
			{"u", []uint64{1}, ggmlF32, []byte{5, 6, 7, 8}},
		})
	if err != nil {
		t.Fatal(err)
	}
	want := "47475546" + "03000000" + "0200000000000000" + "0500000000000000" +
		"0100000000000000" + "6e" + "04000000" + "07000000" +
		"0100000000000000" + "73" + "08000000" + "0200000000000000" + "6162" +
		"0100000000000000" + "61" + "09000000" + "08000000" + "0100000000000000" + "0100000000000000" + "78" +
		"0100000000000000" + "62" + "07000000" + "01" +
		"0100000000000000" + "69" + "09000000" + "05000000" + "0100000000000000" + "ffffffff" +
		"0100000000000000" + "74" + "02000000" + "0200000000000000" + "0100000000000000" + "01000000" + "0000000000000000" +
		"0100000000000000" + "75" + "01000000" + "0100000000000000" + "00000000" + "2000000000000000"
	if head := hex.EncodeToString(got.Bytes()[:len(want)/2]); head != want {
		t.Errorf("header:\n got %s\nwant %s", head, want)
	}
	data := got.Bytes()[len(want)/2+padding(len(want)/2):]
	if len(data) != 2*ggufAlignment || !bytes.HasPrefix(data, []byte{1, 2, 3, 4, 0}) ||
		!bytes.HasPrefix(data[ggufAlignment:], []byte{5, 6, 7, 8, 0}) {
		t.Errorf("data is % x, want each tensor at a multiple of %d bytes", data, ggufAlignment)
	}
}

func TestValuesGGUFHasNoTypeForAreRefused(t *testing.T) {
	if err := writeGGUF(&bytes.Buffer{}, []pair{{"k", 1.5}}, nil); err == nil {
		t.Error("a float64 was written, want an error")
	}
}

func TestTensorsHoldWhatTheirShapesSay(t *testing.T) {
	size := map[ggmlType]uint64{ggmlF32: 4, ggmlF16: 2}
	for _, w := range weights(rand.New(rand.NewPCG(1, 2))) {
		elements := uint64(1)
		for _, n := range w.shape {
			elements *= n
		}
		if uint64(len(w.data)) != elements*size[w.kind] {
			t.Errorf("%s has %d bytes for the shape %v", w.name, len(w.data), w.shape)
		}
	}
}

func TestHalfPrecision(t *testing.T) {
	for f, want := range map[float32]uint16{0: 0, 1: 0x3c00, -2: 0xc000, 0.125: 0x3000, 1e-9: 0, 1.0009765625: 0x3c01} {
		if got := float16(f); got != want {
			t.Errorf("float16(%v) = %#04x, want %#04x", f, got, want)
		}
	}
}
