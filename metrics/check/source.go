package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// maxPage bounds a page that is fetched.
const maxPage = 256 << 20

// Load reads the page of a URL or a file. A URL without a path means its
// /metrics; a nil client means http.DefaultClient.
func Load(ctx context.Context, client *http.Client, target string) (*Page, error) {
	if !IsURL(target) {
		f, err := os.Open(target)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		p, err := Parse(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", target, err)
		}
		return p, nil
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/metrics"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = http.DefaultClient
	}
	r, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: status %s", u.Redacted(), r.Status)
	}
	p, err := Parse(io.LimitReader(r.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", u.Redacted(), err)
	}
	return p, nil
}

// IsURL says whether Load takes the target for a URL rather than a file.
func IsURL(target string) bool {
	return strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
}

// Steady checks a server that goes on working. Its page is no snapshot: a
// request may be recorded between two families of it. So a page with findings
// is read again, twice at most, and only what the last one still shows counts.
func Steady(ctx context.Context, load func(context.Context) (*Page, error), o Options) (*Report, error) {
	const pages, pause = 3, 50 * time.Millisecond
	for n := 1; ; n++ {
		p, err := load(ctx)
		if err != nil {
			return nil, err
		}
		report := Check(p, o)
		if report.Good() || n == pages {
			return report, nil
		}
		if len(o.Earlier) > 0 { // pages that are read again at once prove nothing of a gauge at rest
			o.Earlier = append(o.Earlier[:len(o.Earlier):len(o.Earlier)], p)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("page %d", n+1), context.Cause(ctx))
		}
	}
}
