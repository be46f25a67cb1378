package pipeline

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/stage"
)

// lookTimeout bounds one look at a source.
const lookTimeout = 5 * time.Second

// found is a server and where it was found: at the configured backend with that
// index, or, at -1, in a request of an operator.
type found struct {
	Backend
	at int
}

// member is a replica of a relay.
type member struct {
	*remote.Engine
	found
}

// servers are the replicas of stage k at this moment.
func (r *Relay) servers(k int) map[int]member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.members[k])
}

// isSource says whether a backend tells of servers rather than being one.
func isSource(b Backend) bool {
	return strings.HasPrefix(b.URL, "dns+") || strings.HasPrefix(b.URL, "file:")
}

func (r *Relay) hasSources() bool { return slices.ContainsFunc(r.o.Backends, isSource) }

// look asks every backend which servers it stands for, by stage. A source that
// does not answer stands for none.
func (r *Relay) look(ctx context.Context) [][]found {
	all := make([][]found, len(r.kinds))
	for i, b := range r.o.Backends {
		k := slices.Index(r.kinds, remote.Kind(b.Kind))
		urls := []string{b.URL}
		if isSource(b) {
			var err error
			if urls, err = lookAt(ctx, b.URL); err != nil {
				r.o.Log.Warn("no servers found", "stage", b.Kind, "source", b.URL, "error", err)
			}
		}
		for _, u := range urls {
			one := b
			one.URL = u
			all[k] = append(all[k], found{one, i})
		}
	}
	return all
}

// lookAt returns the servers that a source tells of.
func lookAt(ctx context.Context, source string) ([]string, error) {
	if name, ok := strings.CutPrefix(source, "file:"); ok {
		return readServers(name)
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	u, err := url.Parse(strings.TrimPrefix(source, "dns+"))
	if err != nil {
		return nil, err
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil, err
	}
	var urls []string
	for _, a := range addresses {
		one := *u
		if one.Host = a.Unmap().String(); a.Unmap().Is6() {
			one.Host = "[" + one.Host + "]"
		}
		if port := u.Port(); port != "" {
			one.Host += ":" + port
		}
		urls = append(urls, one.String())
	}
	slices.Sort(urls)
	return slices.Compact(urls), nil
}

// readServers reads a file of one server a line. Empty lines, and what follows
// a #, say nothing.
func readServers(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var urls []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if u, err := url.Parse(line); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("%s:%d: %q is no URL of a server", name, n, line)
		}
		if !slices.Contains(urls, line) {
			urls = append(urls, line)
		}
	}
	return urls, lines.Err()
}

// Discover looks at the sources once: servers that they newly tell of join,
// those that they tell of no longer finish what they have and leave. A source
// that does not answer changes nothing.
func (r *Relay) Discover(ctx context.Context) {
	for i, b := range r.o.Backends {
		if !isSource(b) {
			continue
		}
		urls, err := lookAt(ctx, b.URL)
		if err != nil {
			r.o.Log.Warn("servers stay as they are: their source does not answer", "stage", b.Kind, "source", b.URL, "error", err)
			continue
		}
		k := slices.Index(r.kinds, remote.Kind(b.Kind))
		here := r.foundAt(k, i)
		for _, u := range urls {
			if _, known := here[u]; known {
				delete(here, u)
				continue
			}
			one := b
			one.URL = u
			if _, err := r.join(k, found{one, i}); err != nil {
				r.o.Log.Warn("server could not join", "stage", b.Kind, "server", u, "error", err)
			}
		}
		for _, u := range slices.Sorted(maps.Keys(here)) {
			r.leave(k, here[u], u)
		}
	}
}

// foundAt are the replicas of stage k that a source told of, by URL.
func (r *Relay) foundAt(k, source int) map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]int{}
	for id, m := range r.members[k] {
		if m.at == source {
			ids[m.Backend.URL] = id
		}
	}
	return ids
}

// AddServer makes a server a further replica of stage k, at an operator's word.
func (r *Relay) AddServer(k int, address string) (int, error) {
	b := Backend{Kind: string(r.kinds[k]), URL: address}
	for _, like := range r.o.Backends {
		if like.Kind == b.Kind {
			b.Model, b.APIKey, b.Voice, b.SampleRate = like.Model, like.APIKey, like.Voice, like.SampleRate
			if atOwnHost(like.Metrics) { // a page of its own; a URL is the other one's
				b.Metrics = like.Metrics
			}
			break
		}
	}
	return r.join(k, found{b, -1})
}

func (r *Relay) join(k int, f found) (int, error) {
	e, err := r.newEngine(k, f.Backend)
	if err != nil {
		return 0, err
	}
	id, err := r.Orchestrator.Join(k, func(int) engine.Engine { return e })
	if err != nil {
		return 0, errors.Join(err, e.Close())
	}
	r.mu.Lock()
	r.members[k][id] = member{e, f}
	r.mu.Unlock()
	r.o.Log.Info("server joined", "stage", r.kinds[k], "replica", id, "server", f.Backend.URL)
	return id, nil
}

// leave lets a server go. A stage's last one stays: what it was found by may be
// wrong, and a health check says whether it is well.
func (r *Relay) leave(k, id int, address string) {
	if err := r.Orchestrator.RemoveReplica(k, id); err != nil && !errors.Is(err, stage.ErrUnknownReplica) {
		r.o.Log.Warn("server stays", "stage", r.kinds[k], "replica", id, "server", address, "error", err)
		return
	}
	r.Forget(k, id)
	r.o.Log.Info("server leaves", "stage", r.kinds[k], "replica", id, "server", address)
}

// Forget ends the interest in a replica that has been removed.
func (r *Relay) Forget(k, id int) {
	r.mu.Lock()
	delete(r.members[k], id)
	delete(r.pages, seat{k, id})
	r.mu.Unlock()
	r.setTargets()
}
