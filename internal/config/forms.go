package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The forms that texts must have.

func filled(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func oneOf(known []string) func(string) error {
	return func(s string) error {
		if !slices.Contains(known, s) {
			return fmt.Errorf("must be one of %s, got %q", strings.Join(known, ", "), clip(s))
		}
		return nil
	}
}

func modalities(s string) error {
	if s != "text" && s != "text,audio" {
		return fmt.Errorf("must be text or text,audio, got %q", clip(s))
	}
	return nil
}

// rootPath is empty or a clean absolute path that does not end with a slash.
func rootPath(s string) error {
	if s != "" && (!strings.HasPrefix(s, "/") || s == "/" || path.Clean(s) != s) {
		return fmt.Errorf("must begin with / and not end with it, as /omni, got %q", clip(s))
	}
	return nil
}

// apiKey is text that a header can hold. The error does not repeat it.
func apiKey(s string) error {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errSecret
	}
	return nil
}

// origins is * or a scheme with a host, as browsers send it.
func origins(s string) error {
	if s == "*" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != s {
		return fmt.Errorf("must be an origin, as https://example.com, or *, got %q", clip(s))
	}
	return nil
}

// hostPort is empty or HOST:PORT; HOST may be empty.
func hostPort(s string) error {
	if s == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		return fmt.Errorf("must be HOST:PORT, as 127.0.0.1:9090 or :9090, got %q", clip(s))
	}
	return nil
}
