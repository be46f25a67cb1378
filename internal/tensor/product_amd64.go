//go:build !purego

package tensor

//go:generate go -C _asm run . -kernels products -out ../product_amd64.s

// mulPanel multiplies the n rows of x of a panel, as many as a kernel exists
// for, with its weight rows.
func mulPanel(p *panel, bf16 bool, n int) {
	if simd.lanes == 16 {
		switch {
		case bf16 && n == 6:
			mulBF16x6AVX512(p)
		case bf16 && n == 4:
			mulBF16x4AVX512(p)
		case bf16 && n == 2:
			mulBF16x2AVX512(p)
		case bf16 && n == 1:
			mulBF16x1AVX512(p)
		case !bf16 && n == 6:
			mulF32x6AVX512(p)
		case !bf16 && n == 4:
			mulF32x4AVX512(p)
		case !bf16 && n == 2:
			mulF32x2AVX512(p)
		case !bf16 && n == 1:
			mulF32x1AVX512(p)
		}
		return
	}
	switch {
	case bf16 && n == 3:
		mulBF16x3AVX2(p)
	case bf16 && n == 2:
		mulBF16x2AVX2(p)
	case bf16 && n == 1:
		mulBF16x1AVX2(p)
	case !bf16 && n == 3:
		mulF32x3AVX2(p)
	case !bf16 && n == 2:
		mulF32x2AVX2(p)
	case !bf16 && n == 1:
		mulF32x1AVX2(p)
	}
}

// rowGroup is the largest number of x rows, of n, that a kernel exists for.
func rowGroup(n int) int {
	groups := [...]int{6, 4, 2, 1}
	if simd.lanes == 8 {
		groups = [...]int{3, 3, 2, 1}
	}
	for _, g := range groups {
		if g <= n {
			return g
		}
	}
	return 0
}

//go:noescape
func mulBF16x6AVX512(p *panel)

//go:noescape
func mulBF16x4AVX512(p *panel)

//go:noescape
func mulBF16x2AVX512(p *panel)

//go:noescape
func mulBF16x1AVX512(p *panel)

//go:noescape
func mulF32x6AVX512(p *panel)

//go:noescape
func mulF32x4AVX512(p *panel)

//go:noescape
func mulF32x2AVX512(p *panel)

//go:noescape
func mulF32x1AVX512(p *panel)

//go:noescape
func mulBF16x3AVX2(p *panel)

//go:noescape
func mulBF16x2AVX2(p *panel)

//go:noescape
func mulBF16x1AVX2(p *panel)

//go:noescape
func mulF32x3AVX2(p *panel)

//go:noescape
func mulF32x2AVX2(p *panel)

//go:noescape
func mulF32x1AVX2(p *panel)
