package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// readyTimeout bounds the wait for the answer.
const readyTimeout = 3 * time.Second

func newReady() *cobra.Command {
	return &cobra.Command{
		Use:   "ready [URL]",
		Short: "Ask a server whether it takes requests",
		Long: `Ask a server whether it takes requests: the health check of a container, which
has no other program to ask with. URL is the server's root, by default
http://127.0.0.1:8000. The exit code is 0 for yes and 1 for no. A certificate is
not verified: within its container a server goes by a name that is not its own.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := "http://127.0.0.1:8000"
			if len(args) > 0 {
				root = args[0]
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), readyTimeout)
			defer cancel()
			return ready(ctx, root)
		},
	}
}

// ready asks the server at a root; the error says why it does not take requests.
func ready(ctx context.Context, root string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(root, "/")+"/ready", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // nothing secret is sent, and nothing but a yes is believed
	}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	why, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("%s: status %d: %w", root, resp.StatusCode, err)
	}
	return fmt.Errorf("%s: status %d: %s", root, resp.StatusCode, strings.TrimSpace(string(why)))
}
