package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// BackendKinds are the kinds of servers that a relay can have behind it.
var BackendKinds = []string{"omni", "chat", "speech", "transcription"}

// Policies are the ways to choose among servers; the first one is the default.
var Policies = []string{"least-in-flight", "round-robin", "power-of-two", "consistent-hash"}

// Backend is one server behind a relay.
type Backend struct {
	// Kind is one of BackendKinds.
	Kind string
	// URL is the server's root, dns+http://NAME:PORT for one at each of a name's
	// addresses, or file:PATH for one at each line of a file.
	URL string
	// Model is the model's name there; empty asks the server.
	Model string
	// Voice is the default voice.
	Voice string
	// SampleRate is that of raw PCM; 0 is 24000.
	SampleRate int
	// Metrics is where the server's metrics page is: a URL, or :PORT or
	// :PORT/PATH at the server's own host; empty is /metrics at URL.
	Metrics string
}

// ParseBackend takes an item of Relay.Backends apart: URL for an omni server,
// or KIND=URL, with ,model=NAME ,voice=NAME ,rate=HERTZ ,metrics=PAGE behind it.
func ParseBackend(s string) (Backend, error) {
	bad := func(format string, args ...any) (Backend, error) {
		return Backend{}, fmt.Errorf("must be [KIND=]URL[,model=NAME][,voice=NAME][,rate=HERTZ][,metrics=URL or :PORT], as chat=http://gpu1:8000: "+format, args...)
	}
	parts := strings.Split(s, ",")
	b := Backend{Kind: "omni", URL: parts[0]}
	if kind, rest, ok := strings.Cut(parts[0], "="); ok && !strings.Contains(kind, ":") {
		b.Kind, b.URL = kind, rest
	}
	if !slices.Contains(BackendKinds, b.Kind) {
		return bad("unknown kind %q; the kinds are %s", clip(b.Kind), strings.Join(BackendKinds, ", "))
	}
	if file, ok := strings.CutPrefix(b.URL, "file:"); ok && file != "" {
		// a file of servers
	} else if u, err := url.Parse(b.URL); err != nil || !slices.Contains([]string{"http", "https", "dns+http"}, u.Scheme) || u.Host == "" {
		return bad("%q is no URL", clip(b.URL))
	}
	given := map[string]bool{}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		if given[name] {
			return bad("%s is there twice", clip(name))
		}
		given[name] = true
		switch name {
		case "model":
			b.Model = value
		case "voice":
			b.Voice = value
		case "rate":
			rate, err := strconv.Atoi(value)
			if err != nil || rate < 1000 || rate > 768000 {
				return bad("rate %q is no sample rate", clip(value))
			}
			b.SampleRate = rate
		case "metrics":
			several := strings.HasPrefix(b.URL, "file:") || strings.HasPrefix(b.URL, "dns+")
			if err := checkPage(value, several); err != nil {
				return bad("%v", err)
			}
			b.Metrics = value
		default:
			return bad("unknown %q", clip(name))
		}
	}
	return b, nil
}

// checkPage checks where a metrics page is; several servers cannot have one
// page.
func checkPage(s string, several bool) error {
	if port, _, _ := strings.Cut(strings.TrimPrefix(s, ":"), "/"); strings.HasPrefix(s, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("metrics %q has no port", clip(s))
		}
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("metrics %q is no URL, nor a :PORT of the server's host", clip(s))
	case several:
		return fmt.Errorf("metrics %q is one page, and there may be several servers: give the :PORT that it has at each", clip(s))
	}
	return nil
}

func isBackend(s string) error {
	_, err := ParseBackend(s)
	return err
}

func isVoice(s string) error {
	if strings.TrimSpace(s) == "" {
		return fmt.Errorf("must be a name, got %q", clip(s))
	}
	return nil
}

// Relay says which servers do the work in place of the embedded engine. Without
// backends none of it means anything.
type Relay struct {
	// Backends are the servers, each as ParseBackend reads it.
	Backends []string
	// APIKey is the bearer token that they want.
	APIKey string
	// Voices are those that clients may ask for; none leaves it to the servers.
	Voices []string
	// Policy chooses among the servers of a kind.
	Policy string
	// MaxInFlight bounds the requests at one server.
	MaxInFlight int
	// Retries is how many further servers are tried.
	Retries int
	// AnswerTimeout, HealthInterval and DiscoveryInterval are times, of which 0
	// turns each off.
	AnswerTimeout, HealthInterval, DiscoveryInterval time.Duration
	// ScrapeInterval is the time between two scrapes of a server's metrics; 0
	// scrapes at each scrape of this server's own.
	ScrapeInterval time.Duration
	// HealthTimeout bounds a health check, StartTimeout the wait at the start.
	HealthTimeout, StartTimeout time.Duration
}
