package pipeline

import "testing"

func TestMetricsPageIsAtTheServerOrWhereItsBackendSays(t *testing.T) {
	for _, c := range []struct{ server, page, want string }{
		{"http://llm:8000", "", "http://llm:8000/metrics"},
		{"http://llm:8000/omni", "", "http://llm:8000/omni/metrics"},
		{"http://llm:8000", ":9400", "http://llm:9400/metrics"},
		{"https://llm", ":9400/engine", "https://llm:9400/engine"},
		{"http://[::1]:8000", ":9400", "http://[::1]:9400/metrics"},
		{"http://llm:8000", "http://exporter:9400", "http://exporter:9400/metrics"},
		{"http://llm:8000", "http://exporter:9400/page?of=llm", "http://exporter:9400/page?of=llm"},
	} {
		if got := pageURL(c.server, c.page); got != c.want {
			t.Errorf("%s, %q: %s, want %s", c.server, c.page, got, c.want)
		}
	}
	if !sameHost("http://llm:8000", "https://llm:9400/x") || sameHost("http://llm:8000", "http://exporter:8000") {
		t.Error("hosts are told apart by something else than their names")
	}
}
