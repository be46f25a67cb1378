// Package audio turns samples into the bytes that clients get, and back: 16-bit
// PCM, WAV, and level.
package audio

import (
	"encoding/binary"
	"math"
	"slices"
)

// BytesPerSample is the width of 16-bit PCM.
const BytesPerSample = 2

// AppendS16LE appends samples as signed 16-bit little-endian PCM. Samples are
// clamped to [-1, 1], scaled by 32767 and rounded to nearest, halves to even,
// so that 0 stays 0 and both signs have one scale. NaN becomes 0. It allocates
// only when dst has no room.
func AppendS16LE(dst []byte, samples []float32) []byte {
	start := len(dst)
	dst = slices.Grow(dst, len(samples)*BytesPerSample)[:start+len(samples)*BytesPerSample]
	out := dst[start:]
	for i, s := range samples {
		binary.LittleEndian.PutUint16(out[i*BytesPerSample:], uint16(quantize(s)))
	}
	return dst
}

// quantize computes in float64, where the product is exact.
func quantize(s float32) int16 {
	switch {
	case s >= 1:
		return math.MaxInt16
	case s <= -1:
		return -math.MaxInt16
	case s != s: // NaN
		return 0
	}
	return int16(math.RoundToEven(float64(s) * math.MaxInt16))
}

// AppendFloat32 appends the samples of signed 16-bit little-endian PCM, in
// [-1, 1]: -32768, which AppendS16LE never writes, is -1 too. A trailing odd
// byte is left out.
func AppendFloat32(dst []float32, pcm []byte) []float32 {
	dst = slices.Grow(dst, len(pcm)/BytesPerSample)
	for ; len(pcm) >= BytesPerSample; pcm = pcm[BytesPerSample:] {
		v := int16(binary.LittleEndian.Uint16(pcm))
		dst = append(dst, max(-1, float32(v)/math.MaxInt16))
	}
	return dst
}
