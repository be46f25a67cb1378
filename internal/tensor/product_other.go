//go:build !amd64 || purego

package tensor

// Without vector instructions no product is cut into panels.

func mulPanel(*panel, bool, int) { panic("BUG: a panel without a kernel") }

func rowGroup(int) int { panic("BUG: a panel without a kernel") }
