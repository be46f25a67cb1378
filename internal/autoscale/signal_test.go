package autoscale

import (
	"testing"

	"github.com/limelight-omni/limelight/internal/promql"
)

func TestQueriesGiveOneNumberOfFamiliesThatExist(t *testing.T) {
	catalog := promql.NewCatalog(nil)
	for _, s := range Signals() {
		for _, prefix := range promql.OmniPrefixes {
			q := promql.Omni(s.Query(`model_name="m",stage="1"`, `model_name="m"`), prefix)
			got, err := catalog.Check(q)
			if err != nil {
				t.Errorf("%s: %v", s.Name, err)
				continue
			}
			t.Log(s.Name, q)
			if len(got.Labels) != 0 || got.Open {
				t.Errorf("%s: a number for each of %q: %s", s.Name, got.Labels, q)
			}
		}
	}
}
