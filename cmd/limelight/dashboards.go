package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/dashboards"
)

func newDashboards() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "dashboards --output DIR",
		Short: "Write the Grafana dashboards of this version",
		Long: `Write the Grafana dashboards of this version as files that Grafana imports or is
provisioned with (docs/dashboards.md). They are made of the family table, so they
show what this version's page has, and that of vLLM-Omni.`,
		Example: `  limelight dashboards --output /var/lib/grafana/dashboards`,
		Args: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return errors.New("--output is needed")
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			files, err := dashboards.Files()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(output, 0o777); err != nil {
				return err
			}
			for _, f := range files {
				path := filepath.Join(output, f.Name)
				if err := os.WriteFile(path, f.JSON, 0o666); err != nil {
					return err
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), path); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "folder to write to; it is made if it is not there")
	return cmd
}
