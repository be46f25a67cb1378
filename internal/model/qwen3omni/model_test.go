package qwen3omni

import "testing"

// loadSetA opens the golden checkpoint.
func loadSetA(t *testing.T) *Model {
	t.Helper()
	m, err := Load(setA)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}
