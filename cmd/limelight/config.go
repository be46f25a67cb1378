package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/config"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check a configuration file, or show the configuration",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigCheck(), newConfigShow())
	return cmd
}

func newConfigCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say everything that is wrong with a configuration file",
		Long: `Say everything that is wrong with a configuration file, one line each, as
FILE:LINE: KEY: MESSAGE. The exit code is 0 for a file that serve would take
and 1 otherwise.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := config.Load(config.Sources{File: args[0]}); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is well\n", args[0])
			return err
		},
	}
}

func newConfigShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [MODEL]",
		Short: "Print the effective configuration of serve with the same flags",
		Long: `Print the effective configuration: what serve would use with the same flags,
environment and file. The output is a configuration file that holds every key;
a value that is no default says where it came from. Secrets are masked.`,
		Args: cobra.MaximumNArgs(1),
	}
	o := addOptions(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := o.load(args)
		if err != nil {
			return err
		}
		return c.Write(cmd.OutOrStdout())
	}
	return cmd
}
