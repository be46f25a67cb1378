// Package check holds the deployment's files to what reads them: the types of
// Kubernetes and of the Prometheus operator, compose's own loader and the parser
// of Dockerfiles. It is a module of its own, so that the server's has none of
// these.
package check

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// read decodes one manifest; a field that its type does not have is an error.
func read[T any](t *testing.T, name, kind string) T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := yaml.UnmarshalStrict(data, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !bytes.Contains(data, []byte("\nkind: "+kind+"\n")) {
		t.Errorf("%s is no %s", name, kind)
	}
	return v
}

// kustomization is the part of a kustomization that is used here.
type kustomization struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Resources  []string `json:"resources"`
	Images     []struct {
		Name   string `json:"name"`
		NewTag string `json:"newTag"`
	} `json:"images"`
}

func TestManifestsAreWhatTheirKindsAre(t *testing.T) {
	names := []string{"configmap.yaml", "deployment.yaml", "networkpolicy.yaml", "poddisruptionbudget.yaml", "podmonitor.yaml", "prometheusrule.yaml", "service.yaml"}
	k := read[kustomization](t, "kustomization.yaml", "Kustomization")
	if !slices.Equal(k.Resources, names) {
		t.Errorf("the kustomization has %v, this test knows %v", k.Resources, names)
	}
	read[networking.NetworkPolicy](t, "networkpolicy.yaml", "NetworkPolicy")
	read[core.ConfigMap](t, "configmap.yaml", "ConfigMap")
}

// The rules of Prometheus' own file and of its operator's resource are the same.
func TestRulesOfTheClusterAreThoseOfTheRuleFile(t *testing.T) {
	r := read[monitoring.PrometheusRule](t, "prometheusrule.yaml", "PrometheusRule")
	data, err := os.ReadFile("../prometheus/rules/limelight.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file monitoring.PrometheusRuleSpec
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Groups) == 0 || !reflect.DeepEqual(r.Spec, file) {
		t.Error("they differ; go generate ./internal/rules writes both")
	}
}

func TestManifestsMeanTheSamePods(t *testing.T) {
	d := read[apps.Deployment](t, "deployment.yaml", "Deployment")
	s := read[core.Service](t, "service.yaml", "Service")
	m := read[monitoring.PodMonitor](t, "podmonitor.yaml", "PodMonitor")
	b := read[policy.PodDisruptionBudget](t, "poddisruptionbudget.yaml", "PodDisruptionBudget")
	n := read[networking.NetworkPolicy](t, "networkpolicy.yaml", "NetworkPolicy")
	pod := d.Spec.Template
	for what, selector := range map[string]map[string]string{
		"deployment": d.Spec.Selector.MatchLabels, "service": s.Spec.Selector, "pod monitor": m.Spec.Selector.MatchLabels,
		"disruption budget": b.Spec.Selector.MatchLabels, "network policy": n.Spec.PodSelector.MatchLabels,
	} {
		if len(selector) == 0 {
			t.Errorf("%s selects everything", what)
		}
		for name, value := range selector {
			if pod.Labels[name] != value {
				t.Errorf("%s: the pods have no label %s: %s", what, name, value)
			}
		}
	}
	c := pod.Spec.Containers[0]
	ports := map[string]bool{}
	for _, p := range c.Ports {
		ports[p.Name] = true
	}
	used := []string{
		s.Spec.Ports[0].TargetPort.StrVal, *m.Spec.PodMetricsEndpoints[0].Port,
		c.LivenessProbe.HTTPGet.Port.StrVal, c.ReadinessProbe.HTTPGet.Port.StrVal,
	}
	for _, rule := range n.Spec.Ingress {
		used = append(used, rule.Ports[0].Port.StrVal)
	}
	for _, name := range used {
		if !ports[name] {
			t.Errorf("the container has no port %q", name)
		}
	}
	if live, ready := c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path; live != "/health" || ready != "/ready" {
		t.Errorf("probes at %s and %s", live, ready)
	}
}

func TestOneNodeLessLeavesSomebodyToServe(t *testing.T) {
	d := read[apps.Deployment](t, "deployment.yaml", "Deployment")
	b := read[policy.PodDisruptionBudget](t, "poddisruptionbudget.yaml", "PodDisruptionBudget")
	if int(*d.Spec.Replicas) <= b.Spec.MinAvailable.IntValue() {
		t.Errorf("%d replicas of which %d must be there: no node could be drained", *d.Spec.Replicas, b.Spec.MinAvailable.IntValue())
	}
	pod := d.Spec.Template.Spec
	const drain = 30 // shutdown_timeout, in seconds
	if c := read[core.ConfigMap](t, "configmap.yaml", "ConfigMap"); !strings.Contains(c.Data["limelight.yml"], "shutdown_timeout: 30s") {
		t.Errorf("shutdown_timeout is another than %d s in %s", drain, c.Data["limelight.yml"])
	}
	if grace, sleep := *pod.TerminationGracePeriodSeconds, pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds; grace < sleep+drain {
		t.Errorf("%d s of grace for %d s of waiting and %d s of drain", grace, sleep, drain)
	}
}
