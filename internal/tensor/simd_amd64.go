//go:build !purego

package tensor

import "golang.org/x/sys/cpu"

func detect() instructions {
	switch x := &cpu.X86; {
	case x.HasAVX2 && x.HasFMA && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return avx512
	case x.HasAVX2 && x.HasFMA:
		return avx2
	}
	return plain
}
