package config

import (
	"fmt"
	"io"
	"os"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// Sources are what a configuration is made from, in rising order of weight:
// the defaults, the file, the environment, the flags.
type Sources struct {
	// File is the path of a YAML file; empty if there is none.
	File string
	// Env looks an environment variable up; nil reads none.
	Env func(name string) (string, bool)
	// Flags holds what the command line said, by flag: one raw text for each
	// time.
	Flags map[string][]string
	// Model is the MODEL argument; empty if there was none.
	Model string
}

// Load makes a configuration and checks it. The error is an Errors, or says
// why the file can't be read.
func Load(s Sources) (*Config, error) {
	c := Default()
	var problems Errors
	if s.File != "" {
		data, err := read(s.File)
		if err != nil {
			return nil, err
		}
		problems = c.decode(s.File, data)
	}
	for _, o := range c.Options() {
		if s.Env == nil || o.Env == "" {
			continue
		}
		if raw, set := s.Env(o.Env); set && raw != "" {
			problems = append(problems, c.say(o, o.Env, raw)...)
		}
	}
	for _, o := range c.Options() {
		if raw := s.Flags[o.Flag]; o.Flag != "" && len(raw) > 0 {
			problems = append(problems, c.say(o, "--"+o.Flag, raw...)...)
		}
	}
	if s.Model != "" {
		c.Model = s.Model
		c.origins["model"] = origin{source: "MODEL"}
	}
	if len(problems) == 0 {
		problems = c.check()
	}
	if len(problems) > 0 {
		problems.sort()
		return nil, problems
	}
	return c, nil
}

// Parse reads a file's text; name stands for the file in errors.
func Parse(name string, data []byte) (*Config, error) {
	c := Default()
	problems := c.decode(name, data)
	if len(problems) == 0 {
		problems = c.check()
	}
	if len(problems) > 0 {
		problems.sort()
		return nil, problems
	}
	return c, nil
}

// decode reads a file's text into c and returns everything that is wrong.
func (c *Config) decode(name string, data []byte) Errors {
	root, err := Document(name, data)
	if err != nil {
		return Errors{err}
	}
	if root == nil {
		return nil // an empty file says nothing
	}
	d := decoder{file: name, root: c.tree(), origins: c.origins}
	d.section(d.root, "", root)
	return d.errors
}

// say sets an option from outside the file.
func (c *Config) say(o Option, source string, raw ...string) Errors {
	if err := o.Set(raw...); err != nil {
		if o.Secret {
			err = errSecret
		}
		return Errors{{Name: source, Message: err.Error()}}
	}
	if o.Key != "" {
		c.origins[o.Key] = origin{source: source}
	}
	return nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("config: %w", err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("config: %s is larger than %d bytes", path, maxFile)
	}
	return data, nil
}
