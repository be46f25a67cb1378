package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/limelight-omni/limelight/internal/config"
)

// options collects what a command line says about the configuration. Nothing
// is applied before the file has been read, which weighs less.
type options struct {
	file string
	said map[string][]string // by flag, in the order of the command line
}

// addOptions gives a command every option that has a flag, except those whose
// keys, or flags if they have no key, begin with one of the words to leave out.
func addOptions(cmd *cobra.Command, leave ...string) *options {
	o := &options{said: map[string][]string{}}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.SetNormalizeFunc(dashes)
	flags.StringVar(&o.file, "config", "", "YAML file to read the configuration from; flags weigh more")
	for _, opt := range config.Default().Options() {
		name := cmp.Or(opt.Key, opt.Flag)
		if opt.Flag == "" || slices.ContainsFunc(leave, func(word string) bool { return strings.HasPrefix(name, word) }) {
			continue
		}
		f := flags.VarPF(&said{o: o, option: opt}, opt.Flag, "", opt.Help)
		if opt.Type() == "bool" {
			f.NoOptDefVal = "true"
		}
		if opt.Negation != "" {
			flags.VarPF(&said{o: o, option: opt, negated: true}, opt.Negation, "", "the opposite of --"+opt.Flag).NoOptDefVal = "true"
		}
	}
	flags.Bool("omni", false, "accepted for vLLM-Omni's command lines; has no effect")
	cmd.SetFlagErrorFunc(hint)
	return o
}

// load makes the configuration that the command line, the environment and the
// file give together.
func (o *options) load(args []string) (*config.Config, error) {
	s := config.Sources{File: o.file, Env: os.LookupEnv, Flags: o.said}
	if len(args) > 0 {
		s.Model = args[0]
	}
	return config.Load(s)
}

// dashes lets --max_num_seqs stand for --max-num-seqs, as vLLM has it.
func dashes(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
}

// said is a flag that checks what it is told at once and keeps it for later.
type said struct {
	o       *options
	option  config.Option // of a scratch configuration
	negated bool
}

func (s *said) String() string {
	if s.negated {
		return ""
	}
	return s.option.String()
}

func (s *said) Type() string { return s.option.Type() }

func (s *said) Set(raw string) error {
	if s.negated {
		opposite := map[string]string{"true": "false", "false": "true"}[strings.ToLower(raw)]
		if opposite == "" {
			return errors.New("must be true or false")
		}
		raw = opposite
	}
	if err := s.option.Set(raw); err != nil {
		return err
	}
	s.o.said[s.option.Flag] = append(s.o.said[s.option.Flag], raw)
	return nil
}

// hint adds to an unknown flag what was most likely meant.
func hint(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	name := string(dashes(nil, unknown.GetSpecifiedName()))
	if instead, known := vllmFlags[name]; known {
		return fmt.Errorf("%w: a flag of vLLM; %s", err, instead)
	}
	if near := config.Nearest(name); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}
