package objective

import (
	_ "embed"
	"fmt"
	"os"

	"github.com/limelight-omni/limelight/internal/config"
)

//go:generate go test -run TestDefaultsAreDeployed -update

// defaults is the file that deploy/prometheus/objectives.yml is a copy of.
//
//go:embed objectives.yml
var defaults []byte

// Default returns the objectives of a service that was told nothing.
func Default() *Set {
	s, err := Parse("objectives.yml", defaults)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return s
}

// Load reads a file. The error is a config.Errors, which names lines and keys,
// or says why the file can't be read.
func Load(path string) (*Set, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("objectives: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a file's text; name stands for the file in errors, which are a
// config.Errors. An objective that the file leaves out is none: a file replaces
// the defaults, and does not add to them.
func Parse(name string, data []byte) (*Set, error) {
	root, wrong := config.Document(name, data)
	if wrong != nil {
		return nil, config.Errors{wrong}
	}
	d := decoder{file: name}
	set := d.set(root)
	if len(d.errors) > 0 {
		return nil, d.errors
	}
	return set, nil
}
