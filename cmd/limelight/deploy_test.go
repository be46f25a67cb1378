package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v4"
)

// The configurations under deploy/ are those of this version.
func TestDeployedConfigurationsAreRight(t *testing.T) {
	const inCompose = "../../deploy/limelight.yml"
	data, err := os.ReadFile("../../deploy/kubernetes/configmap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var configMap struct{ Data map[string]string }
	if err := yaml.Unmarshal(data, &configMap); err != nil {
		t.Fatal(err)
	}
	inCluster := filepath.Join(t.TempDir(), "limelight.yml")
	if err := os.WriteFile(inCluster, []byte(configMap.Data["limelight.yml"]), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{inCompose, inCluster} {
		var shown, stderr bytes.Buffer
		if code := run(t.Context(), []string{"config", "check", file}, io.Discard, &stderr); code != 0 {
			t.Errorf("%s: %s", file, &stderr)
		}
		if code := run(t.Context(), []string{"config", "show", "--config", file}, &shown, &stderr); code != 0 || !bytes.Contains(shown.Bytes(), []byte("0.0.0.0:9400")) {
			t.Errorf("%s: the metrics are not at port 9400:\n%s%s", file, &shown, &stderr)
		}
	}
}
