package config

import (
	"errors"

	"go.yaml.in/yaml/v4"
)

// Document parses the one document of a strict file that is no configuration
// of the server, as the file of objectives is; nil if it holds none.
func Document(file string, data []byte) (*yaml.Node, *Error) {
	root, err := document(data)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Message: err.Error()}
		}
		e.File = file
		return nil, e
	}
	return root, nil
}

// Closest is the known name that a misspelt one most likely stands for, or "".
func Closest(name string, known []string) string { return nearest(name, known) }
