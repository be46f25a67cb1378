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
	files := []string{"../../deploy/limelight.yml"}
	for _, manifest := range []string{"configmap.yaml", "autoscaling/relay.yaml"} {
		data, err := os.ReadFile(filepath.Join("../../deploy/kubernetes", manifest))
		if err != nil {
			t.Fatal(err)
		}
		var configMap struct{ Data map[string]string }
		if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&configMap); err != nil { // the first document
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "limelight.yml")
		if err := os.WriteFile(file, []byte(configMap.Data["limelight.yml"]), 0o666); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, file := range files {
		var shown, stderr bytes.Buffer
		if code := run(t.Context(), []string{"config", "check", file}, io.Discard, &stderr); code != 0 {
			t.Errorf("%s: %s", file, &stderr)
		}
		if code := run(t.Context(), []string{"config", "show", "--config", file}, &shown, &stderr); code != 0 || !bytes.Contains(shown.Bytes(), []byte("0.0.0.0:9400")) {
			t.Errorf("%s: the metrics are not at port 9400:\n%s%s", file, &shown, &stderr)
		}
	}
}
