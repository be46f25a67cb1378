package dashboards

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/metrics"
)

var update = flag.Bool("update", false, "write the dashboards")

const folder = "../../deploy/grafana/dashboards"

func TestFilesAreCurrent(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
		path := filepath.Join(folder, f.Name)
		if *update {
			if err := os.WriteFile(path, f.JSON, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, f.JSON) {
			t.Errorf("%s is stale: run go generate ./internal/dashboards (%v)", path, err)
		}
	}
	there, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range there {
		if !slices.Contains(names, f.Name()) {
			t.Errorf("%s is no dashboard of the list", f.Name())
		}
	}
}

// documents reads the dashboards back from their files' text.
func documents(t *testing.T) []document {
	t.Helper()
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	var all []document
	for _, f := range files {
		var d document
		if err := json.Unmarshal(f.JSON, &d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func TestPanelsHaveTheirOwnPlaces(t *testing.T) {
	uids, titles := map[string]bool{}, map[string]bool{}
	for _, d := range documents(t) {
		if uids[d.UID] || titles[d.Title] {
			t.Errorf("%s: its id or title stands twice", d.Title)
		}
		uids[d.UID], titles[d.Title] = true, true
		ids, seen := map[int]bool{}, map[string]bool{}
		for i, p := range d.Panels {
			if name := p.Type + p.Title; seen[name] || ids[p.ID] {
				t.Errorf("%s: %s stands twice", d.Title, p.Title)
			} else {
				seen[name], ids[p.ID] = true, true
			}
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X+g.W > columns {
				t.Errorf("%s: %s is outside of the page: %+v", d.Title, p.Title, g)
			}
			for _, other := range d.Panels[:i] {
				o := other.GridPos
				if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
					t.Errorf("%s: %s and %s overlap", d.Title, p.Title, other.Title)
				}
			}
		}
	}
}

func TestPanelsSayWhatTheyShow(t *testing.T) {
	for _, d := range documents(t) {
		for _, p := range d.Panels {
			if p.Type == "row" {
				if !strings.HasSuffix(p.Title, "?") {
					t.Errorf("%s: the row %s asks nothing", d.Title, p.Title)
				}
				continue
			}
			if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
				t.Errorf("%s: %s lacks its description, its unit or its queries", d.Title, p.Title)
			}
			for _, q := range p.Targets {
				if q.LegendFormat == "" {
					t.Errorf("%s: %s: %s has no legend", d.Title, p.Title, q.RefID)
				}
			}
		}
	}
}

// Those that no event moves are on a panel only where vLLM's engine moves them.
func TestEveryFamilyIsOnAPanel(t *testing.T) {
	shown := map[string]bool{}
	for _, b := range boards() {
		for _, r := range b.rows {
			for _, p := range r.panels {
				for _, f := range shownBy(p.queries) {
					shown[f.Name] = true
				}
			}
		}
	}
	for _, f := range metrics.Families() {
		if f.Constant == "" && !shown[f.Name] {
			t.Errorf("%s is on no panel", f.Name)
		}
	}
}

func TestRowsAreInTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/dashboards.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boards() {
		if !bytes.Contains(text, []byte("## "+b.title+"\n")) {
			t.Errorf("docs/dashboards.md does not have %s", b.title)
		}
		for _, r := range b.rows {
			if !bytes.Contains(text, []byte("**"+r.title+"**")) {
				t.Errorf("docs/dashboards.md does not have %s: %s", b.title, r.title)
			}
		}
	}
}
