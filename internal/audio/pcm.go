// Package audio turns samples into the bytes that clients get, and back: 16-bit
// PCM, WAV, and level.
package audio

import (
	"encoding/binary"
	"math"
)

// BytesPerSample is the width of 16-bit PCM.
const BytesPerSample = 2

// AppendS16LE appends samples as signed 16-bit little-endian PCM. Samples are
// clamped to [-1, 1] and scaled by 32767, rounded to nearest, halves away from
// zero, so that 0 stays 0 and the scale is the same on both sides. NaN becomes 0.
func AppendS16LE(dst []byte, samples []float32) []byte {
	for _, s := range samples {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(quantize(s)))
	}
	return dst
}

func quantize(s float32) int16 {
	switch {
	case s >= 1:
		return math.MaxInt16
	case s <= -1:
		return -math.MaxInt16
	case s >= 0:
		return int16(s*math.MaxInt16 + 0.5)
	case s < 0:
		return int16(s*math.MaxInt16 - 0.5)
	}
	return 0
}

// AppendFloat32 appends the samples of signed 16-bit little-endian PCM, in
// [-1, 1]. A trailing odd byte is left out.
func AppendFloat32(dst []float32, pcm []byte) []float32 {
	for ; len(pcm) >= BytesPerSample; pcm = pcm[BytesPerSample:] {
		v := int16(binary.LittleEndian.Uint16(pcm))
		dst = append(dst, max(-1, float32(v)/math.MaxInt16))
	}
	return dst
}

// Level returns the largest and the root mean square magnitude of samples;
// both are 0 for none.
func Level(samples []float32) (peak, rms float64) {
	if len(samples) == 0 {
		return 0, 0
	}
	var sum float64
	for _, s := range samples {
		v := float64(s)
		peak = max(peak, math.Abs(v))
		sum += v * v
	}
	return peak, math.Sqrt(sum / float64(len(samples)))
}
