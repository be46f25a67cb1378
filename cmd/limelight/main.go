// Command limelight serves omni-modal models as a pipeline of stages behind
// the OpenAI API, with production metrics for every part of it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/limelight-omni/limelight/internal/config"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code: 0 for success, 1
// for a failure, 2 for a command line that is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	understood := false // flags and arguments were right
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	var wrong config.Errors
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, err) // its lines begin with the file, for editors
		return 1
	case understood:
		fmt.Fprintf(stderr, "limelight: %v\n", err)
		return 1
	default:
		fmt.Fprintf(stderr, "limelight: %v\nRun '%s --help' for usage.\n", err, cmd.CommandPath())
		return 2
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "limelight",
		Short:         "Serve omni-modal models and show exactly how they are doing",
		Long:          "Limelight serves omni-modal models (text and speech out) as a pipeline of stages\nbehind the OpenAI API, with production metrics at /metrics.",
		SilenceErrors: true,
		SilenceUsage:  true,
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
	}
	root.AddCommand(newServe(), newStage(), newConfig(), newCheck(), newBench(), newTop(), newDashboard(), newSay(), newRules(), newDashboards(), newReady(), newVersion())
	return root
}
