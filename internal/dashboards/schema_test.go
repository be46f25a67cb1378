package dashboards

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	promquery "github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// faults reads a dashboard with Grafana's own types, which refuse unknown
// fields, missing ones and wrong types.
func faults(text []byte) error {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(heatmap.VariantConfig())
	runtime.RegisterPanelcfgVariant(statetimeline.VariantConfig())
	runtime.RegisterDataqueryVariant(promquery.VariantConfig())
	d := dashboard.NewDashboard()
	var found cog.BuildErrors
	if err := d.UnmarshalJSONStrict(text); err != nil && (!errors.As(err, &found) || len(found) > 0) { // it returns none as an empty list
		return err
	}
	return d.Validate()
}

func TestDocumentsAreOfGrafanasSchema(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := faults(f.JSON); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	for _, field := range []string{"legendFormat", "fillOpacity", "orientation", "gridPos", "uid", "titleFormat", "refresh"} {
		other := bytes.Replace(files[0].JSON, []byte(`"`+field+`"`), []byte(`"other"`), 1)
		if faults(other) == nil {
			t.Errorf("another name of %s is not noticed", field)
		}
	}
}

func TestUnitsAreGrafanas(t *testing.T) {
	known := []string{units.NoUnit, units.Short, units.PercentUnit, units.Seconds, units.BytesIEC, units.BytesPerSecondSI, units.RequestsPerSecond, units.OpsPerSecond, units.FlopsPerSecond}
	for _, d := range documents(t) {
		for _, p := range d.Panels {
			if p.FieldConfig == nil {
				continue
			}
			if unit := p.FieldConfig.Defaults.Unit; !slices.Contains(known, unit) && !strings.HasPrefix(unit, "suffix: ") {
				t.Errorf("%s: %s has the unit %q", d.Title, p.Title, unit)
			}
		}
	}
}
