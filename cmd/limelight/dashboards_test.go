package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDashboardsAreWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"dashboards", "--output", dir}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	paths := strings.Fields(stdout.String())
	if len(paths) == 0 {
		t.Fatal("nothing was written")
	}
	for _, path := range paths {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := os.ReadFile(filepath.Join("../../deploy/grafana/dashboards", filepath.Base(path))); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not the one under deploy: %v", path, err)
		}
	}
	if code := run(t.Context(), []string{"dashboards"}, &stdout, &stderr); code != 2 {
		t.Errorf("exit %d without a folder", code)
	}
	stderr.Reset()
	if code := run(t.Context(), []string{"dashboards", "--output", paths[0]}, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "not a directory") {
		t.Errorf("exit %d into a file: %s", code, &stderr)
	}
}
