package server

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine/remote"
	"github.com/limelight-omni/limelight/internal/pipeline"
)

// named is a chat server that says its name.
func named(t *testing.T, name string) string {
	return fake(t, func(w http.ResponseWriter, _ *http.Request) {
		sends(w, `{"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":"stop"}]}`, name)
	})
}

// answers is who answers the next requests.
func (h *host) answers() string {
	h.t.Helper()
	who := map[string]bool{}
	for range 6 {
		r, data := h.exchange("/v1/chat/completions", `{`+hello+`}`)
		if r.StatusCode != 200 {
			return fmt.Sprintf("status %d", r.StatusCode)
		}
		for _, name := range []string{"one", "two", "three"} {
			who[name] = who[name] || strings.Contains(string(data), `"`+name+`"`)
		}
	}
	var names []string
	for _, name := range []string{"one", "two", "three"} {
		if who[name] {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func TestServersOfAFileComeAndGo(t *testing.T) {
	one, two, three := named(t, "one"), named(t, "two"), named(t, "three")
	file := filepath.Join(t.TempDir(), "servers")
	write := func(lines ...string) {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# the first ones", one, "", two+" # the second", one)
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, "file:"+file), ServedName: "x", DiscoveryInterval: -1})
	for _, step := range []struct {
		lines []string
		want  string
	}{
		{[]string{one, two}, "one two"},
		{[]string{two, three}, "two three"},
		{[]string{"not a URL"}, "two three"},
		{nil, ""}, // the last one stays, whichever it is
		{[]string{one}, "one"},
	} {
		write(step.lines...)
		h.relay.Discover(t.Context())
		if got := h.answers(); step.want == "" && strings.Contains(got, " ") || step.want != "" && got != step.want {
			t.Errorf("%q: %s answer, want %q", step.lines, got, step.want)
		}
		if step.want == "" {
			h.relay.Discover(t.Context())
		}
	}
}

func TestServersOfANameAreAtItsAddresses(t *testing.T) {
	url := named(t, "one")
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, "dns+"+strings.Replace(url, "127.0.0.1", "localhost", 1)), ServedName: "x"})
	if got := h.answers(); got != "one" {
		t.Error(got)
	}
}

func TestOperatorAddsAndRemovesServers(t *testing.T) {
	h := relayTo(t, pipeline.RelayOptions{Backends: backends(remote.Chat, named(t, "one")), ServedName: "x"})
	for body, status := range map[string]int{`{}`: 400, `{"url":"gpu2"}`: 400, `{"uri":"http://gpu2"}`: 400, fmt.Sprintf(`{"url":%q}`, named(t, "two")): 201} {
		if r, data := h.exchange("/admin/stages/chat/replicas", body); r.StatusCode != status {
			t.Errorf("%s: %d %s", body, r.StatusCode, data)
		}
	}
	if got := h.answers(); got != "one two" {
		t.Error(got)
	}
	for _, family := range []string{"limelight_stage_retries_total", "limelight_replica_ejections_total"} {
		if got, ok := h.page()[family+`{replica="1",stage="0"}`]; got != 0 || !ok {
			t.Errorf("%s of the server that joined: %v, present: %v", family, got, ok)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), "DELETE", h.url+"/admin/stages/0/replicas/0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.client.Do(request)
	if err != nil || r.StatusCode != 202 {
		t.Fatal(r, err)
	}
	r.Body.Close()
	if got := h.answers(); got != "two" {
		t.Error(got)
	}
}
