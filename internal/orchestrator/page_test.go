package orchestrator

import (
	"bufio"
	"math"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/metrics"
)

// page is a scraped metrics page: values by series, the model_name label left
// out.
type page map[string]float64

func scrape(t *testing.T, m *metrics.Metrics) page {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	p := page{}
	lines := bufio.NewScanner(w.Body)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		name := strings.NewReplacer(`model_name="scripted",`, ``, `,model_name="scripted"`, ``, `{model_name="scripted"}`, ``).Replace(line[:at])
		p[name] = v
	}
	return p
}

func (p page) want(t *testing.T, series string, want float64) {
	t.Helper()
	got, ok := p[series]
	if !ok || math.Abs(got-want) > 1e-9 {
		t.Errorf("%s = %v (present: %v), want %v", series, got, ok, want)
	}
}

func (p page) absent(t *testing.T, prefix string) {
	t.Helper()
	for series := range p {
		if strings.HasPrefix(series, prefix) {
			t.Errorf("%s is on the page", series)
		}
	}
}
