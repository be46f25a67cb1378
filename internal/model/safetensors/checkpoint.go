// Package safetensors reads weights in the safetensors format, mapped from disk
// rather than copied: a single file, or a Hugging Face model folder with one
// file or with shards and their index. Files are untrusted input: everything
// that a header says is checked against the file before it is used.
package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Names of the weight files in a Hugging Face model folder.
const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
)

// Checkpoint is a set of tensors in one file or several. It is safe for
// concurrent use until Close.
type Checkpoint struct {
	name    string // the file that says which tensors there are
	tensors map[string]Tensor
	files   []mapping
}

// Open maps the weights of a model folder: model.safetensors, or else the
// shards that model.safetensors.index.json lists. The files must not change
// while they are open. Errors name the file.
func Open(dir string) (*Checkpoint, error) {
	c, err := OpenFile(filepath.Join(dir, singleFile))
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	data, err := os.ReadFile(filepath.Join(dir, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("neither %s nor %s: %w", singleFile, indexFile, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	return openShards(dir, data)
}

// OpenFile maps a single file.
func OpenFile(path string) (*Checkpoint, error) {
	name := filepath.Base(path)
	m, tensors, err := openOne(path, name)
	if err != nil {
		return nil, err
	}
	return &Checkpoint{name: name, tensors: tensors, files: []mapping{m}}, nil
}

func openOne(path, name string) (mapping, map[string]Tensor, error) {
	m, err := openMapping(path)
	if err != nil {
		return mapping{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	tensors, err := parse(name, m.data)
	if err != nil {
		m.close()
		return mapping{}, nil, err
	}
	return m, tensors, nil
}

func openShards(dir string, index []byte) (*Checkpoint, error) {
	var list struct {
		Weights map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(index, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	if len(list.Weights) == 0 {
		return nil, fmt.Errorf("%s: weight_map: is missing or empty", indexFile)
	}
	c := &Checkpoint{name: indexFile, tensors: make(map[string]Tensor, len(list.Weights))}
	shards := map[string]map[string]Tensor{}
	for _, name := range slices.Sorted(maps.Keys(list.Weights)) {
		file := list.Weights[name]
		if !filepath.IsLocal(file) {
			return nil, errors.Join(fmt.Errorf("%s: weight_map: %s: %q is outside the folder", indexFile, name, file), c.Close())
		}
		tensors, opened := shards[file]
		if !opened {
			m, found, err := openOne(filepath.Join(dir, file), file)
			if err != nil {
				return nil, errors.Join(err, c.Close())
			}
			c.files = append(c.files, m)
			shards[file], tensors = found, found
		}
		t, ok := tensors[name]
		if !ok {
			return nil, errors.Join(fmt.Errorf("%s: %s: is missing, though %s lists it", file, name, indexFile), c.Close())
		}
		c.tensors[name] = t
	}
	return c, nil
}

// Tensor returns the tensor of that name. Its memory is valid until Close.
func (c *Checkpoint) Tensor(name string) (Tensor, error) {
	t, ok := c.tensors[name]
	if !ok {
		return Tensor{}, fmt.Errorf("%s: %s: is missing", c.name, name)
	}
	return t, nil
}

// Close unmaps the files. No tensor may be used afterwards.
func (c *Checkpoint) Close() error {
	var all error
	for _, m := range c.files {
		all = errors.Join(all, m.close())
	}
	c.files, c.tensors = nil, nil
	return all
}
