package ar

import "testing"

func TestBlocksOfOneChainAreForgottenOneByOne(t *testing.T) {
	const n = 40
	x := newPrefixIndex(n)
	x.heads = x.heads[:1] // so that all hashes fall into one chain
	hash := func(b int) *blockHash { return &blockHash{byte(b), 31: 7} }
	for b := range n {
		x.remember(int32(b), hash(b))
	}
	for gone := range n {
		x.forget(int32(gone * 7 % n))
		for k := range n {
			b := k * 7 % n
			want := int32(b)
			if k <= gone {
				want = none
			}
			if got := x.find(hash(b)); got != want {
				t.Fatalf("after %d were forgotten, block %d is found as %d", gone+1, b, got)
			}
		}
	}
}

func TestSecondBlockOfOneContentIsNotFound(t *testing.T) {
	x := newPrefixIndex(2)
	h := blockHash{1}
	x.remember(1, &h)
	x.remember(0, &h)
	if x.holds(0) || x.find(&h) != 1 {
		t.Error("the second block took the first one's place")
	}
	x.forget(1)
	if x.find(&h) != none {
		t.Error("found after it was forgotten")
	}
}
