package autoscale

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const manifests = "../../deploy/kubernetes/autoscaling"

// The example's relay: its name, its stages, and how many requests one of its
// servers works for at a time.
const exampleModel, examplePlaces = "assistant", 16

var exampleStages = map[Role]string{Chat: "0", Speech: "1"}

// documents decodes all documents of one of the manifests.
func documents[T any](t *testing.T, name string) (all []T) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(manifests, name))
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var one T
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, one)
	}
}

// find looks a signal up by its name.
func find(t *testing.T, name string) Signal {
	t.Helper()
	all := Signals()
	i := slices.IndexFunc(all, func(s Signal) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no signal %q", name)
	}
	return all[i]
}

// role is the role of the deployment limelight-ROLE.
func role(t *testing.T, deployment string) Role {
	t.Helper()
	r := Role(strings.TrimPrefix(deployment, "limelight-"))
	if exampleStages[r] == "" {
		t.Fatalf("%s is no stage of the example", deployment)
	}
	return r
}

// holds says what is wrong with a manifest's use of a signal.
func holds(s Signal, r Role, metricType string, threshold float64) error {
	if !slices.Contains(s.Roles, r) {
		return fmt.Errorf("%s has no signal %s", r, s.Name)
	}
	if want := s.Threshold(examplePlaces); string(s.Target) != metricType || threshold != want {
		return fmt.Errorf("%s of %s is %s of %v, want %s of %v", s.Name, r, metricType, threshold, s.Target, want)
	}
	return nil
}

func TestScaledObjectsAskForTheSignals(t *testing.T) {
	type object struct {
		Spec struct {
			ScaleTargetRef struct{ Name string } `yaml:"scaleTargetRef"`
			Triggers       []struct {
				Name       string
				MetricType string `yaml:"metricType"`
				Metadata   struct {
					Query            string
					Threshold        string
					IgnoreNullValues string `yaml:"ignoreNullValues"`
				}
			}
		}
	}
	var scaled []Role
	for _, o := range documents[object](t, "keda.yaml") {
		r := role(t, o.Spec.ScaleTargetRef.Name)
		scaled = append(scaled, r)
		all := `model_name="` + exampleModel + `"`
		for _, trigger := range o.Spec.Triggers {
			s, m := find(t, trigger.Name), trigger.Metadata
			if err := holds(s, r, trigger.MetricType, quantity(t, m.Threshold)); err != nil {
				t.Error(err)
			}
			if want := s.Query(all+`,stage="`+exampleStages[r]+`"`, all); m.Query != want {
				t.Errorf("%s of %s:\ngot  %s\nwant %s", s.Name, r, m.Query, want)
			}
			if m.IgnoreNullValues != "false" {
				t.Errorf("%s of %s: a page that is lost counts as nobody there", s.Name, r)
			}
		}
	}
	if !slices.Equal(scaled, []Role{Chat, Speech}) {
		t.Errorf("scaled are %v", scaled)
	}
}

func TestAutoscalersAskForTheAdaptersSignals(t *testing.T) {
	const matchers = "<<.LabelMatchers>>"
	offered := map[string]bool{}
	type rules struct {
		ExternalRules []struct {
			Name         struct{ As string }
			MetricsQuery string `yaml:"metricsQuery"`
		} `yaml:"externalRules"`
	}
	for _, rule := range documents[rules](t, "prometheus-adapter.yaml")[0].ExternalRules {
		offered[rule.Name.As] = true
		s := find(t, strings.TrimPrefix(rule.Name.As, "limelight_"))
		if want := s.Query(matchers, matchers); rule.MetricsQuery != want {
			t.Errorf("%s:\ngot  %s\nwant %s", s.Name, rule.MetricsQuery, want)
		}
	}
	type autoscaler struct {
		Spec struct {
			ScaleTargetRef struct{ Name string } `yaml:"scaleTargetRef"`
			Metrics        []struct {
				External struct {
					Metric struct {
						Name     string
						Selector struct {
							MatchLabels map[string]string `yaml:"matchLabels"`
						}
					}
					Target struct {
						Type         string
						Value        string
						AverageValue string `yaml:"averageValue"`
					}
				}
			}
		}
	}
	for _, a := range documents[autoscaler](t, "hpa.yaml") {
		r := role(t, a.Spec.ScaleTargetRef.Name)
		for _, m := range a.Spec.Metrics {
			e := m.External
			s := find(t, strings.TrimPrefix(e.Metric.Name, "limelight_"))
			if err := holds(s, r, e.Target.Type, quantity(t, e.Target.Value+e.Target.AverageValue)); err != nil {
				t.Error(err)
			}
			if !offered[e.Metric.Name] {
				t.Errorf("the adapter has no %s", e.Metric.Name)
			}
			if l := e.Metric.Selector.MatchLabels; l["model_name"] != exampleModel || l["stage"] != exampleStages[r] {
				t.Errorf("%s of %s selects %v", s.Name, r, l)
			}
		}
	}
}

// quantity reads a number as Kubernetes writes it: 500m is a half.
func quantity(t *testing.T, text string) float64 {
	t.Helper()
	number, milli := strings.CutSuffix(text, "m")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		t.Fatal(err)
	}
	if milli {
		v /= 1000
	}
	return v
}
