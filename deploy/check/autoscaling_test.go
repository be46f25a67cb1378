package check

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// autoscaled is all that is in the example of stages that grow and shrink, by
// name.
type autoscaled struct {
	deployments map[string]apps.Deployment
	services    map[string]core.Service
	policies    map[string]networking.NetworkPolicy
	budgets     map[string]policy.PodDisruptionBudget
	monitors    map[string]monitoring.PodMonitor
	configs     map[string]core.ConfigMap
	scaled      map[string]keda.ScaledObject
	hpas        map[string]autoscaling.HorizontalPodAutoscaler
}

// strictly decodes a document into its place by its name; a field that its type
// does not have is an error.
func strictly[T any](t *testing.T, document []byte, name string, into map[string]T) {
	t.Helper()
	var v T
	if err := yaml.UnmarshalStrict(document, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	into[name] = v
}

func readAutoscaled(t *testing.T) autoscaled {
	t.Helper()
	a := autoscaled{
		map[string]apps.Deployment{}, map[string]core.Service{}, map[string]networking.NetworkPolicy{}, map[string]policy.PodDisruptionBudget{},
		map[string]monitoring.PodMonitor{}, map[string]core.ConfigMap{}, map[string]keda.ScaledObject{}, map[string]autoscaling.HorizontalPodAutoscaler{},
	}
	const folder = "../kubernetes/autoscaling"
	for _, file := range []string{"relay.yaml", "chat.yaml", "speech.yaml", "keda.yaml", "hpa.yaml"} {
		data, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
			var head struct {
				Kind     string `json:"kind"`
				Metadata struct {
					Name string `json:"name"`
				} `json:"metadata"`
			}
			if err := yaml.Unmarshal(document, &head); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			switch name := head.Metadata.Name; head.Kind {
			case "Deployment":
				strictly(t, document, name, a.deployments)
			case "Service":
				strictly(t, document, name, a.services)
			case "NetworkPolicy":
				strictly(t, document, name, a.policies)
			case "PodDisruptionBudget":
				strictly(t, document, name, a.budgets)
			case "PodMonitor":
				strictly(t, document, name, a.monitors)
			case "ConfigMap":
				strictly(t, document, name, a.configs)
			case "ScaledObject":
				strictly(t, document, name, a.scaled)
			case "HorizontalPodAutoscaler":
				strictly(t, document, name, a.hpas)
			default:
				t.Errorf("%s has a %q", file, head.Kind)
			}
		}
	}
	return a
}

func TestAutoscalingExampleIsWhole(t *testing.T) {
	data, err := os.ReadFile("../kubernetes/autoscaling/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var k kustomization
	if err := yaml.UnmarshalStrict(data, &k); err != nil {
		t.Fatal(err)
	}
	if want := []string{"relay.yaml", "chat.yaml", "speech.yaml", "keda.yaml"}; !slices.Equal(k.Resources, want) {
		t.Errorf("the kustomization has %v, this test knows %v", k.Resources, want)
	}
	a := readAutoscaled(t)
	for name, d := range a.deployments {
		pod := d.Spec.Template
		for what, selector := range map[string]map[string]string{
			"deployment": d.Spec.Selector.MatchLabels, "service": a.services[name].Spec.Selector,
			"disruption budget": a.budgets[name].Spec.Selector.MatchLabels, "network policy": a.policies[name].Spec.PodSelector.MatchLabels,
		} {
			if len(selector) != 1 || selector["app.kubernetes.io/name"] != pod.Labels["app.kubernetes.io/name"] {
				t.Errorf("%s: the %s selects %v, the pods have %v", name, what, selector, pod.Labels)
			}
		}
		ports := map[string]int32{}
		for _, p := range pod.Spec.Containers[0].Ports {
			ports[p.Name] = p.ContainerPort
		}
		if port := a.services[name].Spec.Ports[0].TargetPort.StrVal; ports[port] == 0 {
			t.Errorf("%s: the container has no port %q", name, port)
		}
	}
	const relay = "limelight-relay"
	if m := a.monitors[relay]; len(a.monitors) != 1 || m.Spec.Selector.MatchLabels["app.kubernetes.io/name"] != relay {
		t.Errorf("scraped are %v", m.Spec.Selector.MatchLabels)
	}
}

func TestServersOfARelayAreFoundAndAllowedByTheirNames(t *testing.T) {
	a := readAutoscaled(t)
	const relay = "limelight-relay"
	config := a.configs[relay].Data["limelight.yml"]
	reached := a.policies[relay].Spec.Egress[1]
	for _, stage := range []string{"chat", "speech"} {
		name := "limelight-" + stage
		if !strings.Contains(config, "- "+stage+"=dns+http://"+name+":8000") {
			t.Errorf("the relay does not look for %s", name)
		}
		if s := a.services[name].Spec; s.ClusterIP != core.ClusterIPNone || s.Ports[0].Port != 8000 || s.PublishNotReadyAddresses {
			t.Errorf("%s: the name does not stand for the pods that are ready", name)
		}
		if !slices.Contains(reached.To[0].PodSelector.MatchExpressions[0].Values, name) {
			t.Errorf("the relay may not reach %s", name)
		}
		if from := a.policies[name].Spec.Ingress[0].From[0].PodSelector.MatchLabels["app.kubernetes.io/name"]; from != relay {
			t.Errorf("%s may be reached from %q", name, from)
		}
	}
	// What one server works for is what all relays together send it.
	if d := a.deployments[relay]; !strings.Contains(config, "max_in_flight: 8 ") || *d.Spec.Replicas != 2 {
		t.Errorf("%d relays with:\n%s", *d.Spec.Replicas, config)
	}
	for _, stage := range []string{"limelight-chat", "limelight-speech"} {
		if args := a.deployments[stage].Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--max-num-seqs=16") {
			t.Errorf("%s works for another number of requests: %q", stage, args)
		}
	}
}

func TestAutoscalersNeverGoBelowOneAndLeaveTimeToDrain(t *testing.T) {
	a := readAutoscaled(t)
	if len(a.scaled) != 2 || len(a.hpas) != 2 {
		t.Fatalf("%d scaled objects and %d autoscalers for two stages", len(a.scaled), len(a.hpas))
	}
	for name, s := range a.scaled {
		d, ok := a.deployments[s.Spec.ScaleTargetRef.Name]
		if !ok || d.Spec.Replicas != nil {
			t.Errorf("%s scales %s, whose own count is %v", name, s.Spec.ScaleTargetRef.Name, d.Spec.Replicas)
		}
		if err := keda.CheckFallbackValid(&s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s.Spec.MinReplicaCount == nil || *s.Spec.MinReplicaCount < 1 || s.Spec.IdleReplicaCount != nil {
			t.Errorf("%s may leave a stage without a server", name)
		}
		checkDrain(t, name, d, s.Spec.Advanced.HorizontalPodAutoscalerConfig.Behavior)
		for _, trigger := range s.Spec.Triggers {
			if trigger.Type != "prometheus" {
				t.Errorf("%s: a trigger of type %s", name, trigger.Type)
			}
			for field := range trigger.Metadata { // KEDA passes over what it does not know
				if !slices.Contains([]string{"serverAddress", "query", "threshold", "ignoreNullValues"}, field) {
					t.Errorf("%s: this test does not know the field %s of KEDA's prometheus scaler", name, field)
				}
			}
		}
		h := a.hpas[name]
		if h.Spec.ScaleTargetRef.Name != s.Spec.ScaleTargetRef.Name || *h.Spec.MinReplicas != *s.Spec.MinReplicaCount || h.Spec.MaxReplicas != *s.Spec.MaxReplicaCount {
			t.Errorf("%s: the two ways of scaling differ", name)
		}
		checkDrain(t, name, d, h.Spec.Behavior)
	}
}

// checkDrain asks that pods go one after another, each with the time that the
// deployment gives it to finish what it has.
func checkDrain(t *testing.T, name string, d apps.Deployment, b *autoscaling.HorizontalPodAutoscalerBehavior) {
	t.Helper()
	down := b.ScaleDown.Policies
	pod := d.Spec.Template.Spec
	grace := *pod.TerminationGracePeriodSeconds
	if len(down) != 1 || down[0].Type != autoscaling.PodsScalingPolicy || down[0].Value != 1 || int64(down[0].PeriodSeconds) < grace {
		t.Errorf("%s shrinks by %+v, a pod takes up to %d s", name, down, grace)
	}
	const drain = 120 // --shutdown-timeout, in seconds
	c := pod.Containers[0]
	if !slices.Contains(c.Args, "--shutdown-timeout=2m") || grace < c.Lifecycle.PreStop.Sleep.Seconds+drain {
		t.Errorf("%s: %d s of grace for %d s of waiting and the drain of %q", name, grace, c.Lifecycle.PreStop.Sleep.Seconds, c.Args)
	}
}

// adapterRules is prometheus-adapter's configuration as its documentation has
// it, as far as it is used here: the adapter has no module of types to be had.
type adapterRules struct {
	ExternalRules []struct {
		SeriesQuery string `json:"seriesQuery"`
		Resources   struct {
			Namespaced *bool `json:"namespaced"`
		} `json:"resources"`
		Name struct {
			As string `json:"as"`
		} `json:"name"`
		MetricsQuery string `json:"metricsQuery"`
	} `json:"externalRules"`
}

func TestAdapterOffersEachSignalOnce(t *testing.T) {
	data, err := os.ReadFile("../kubernetes/autoscaling/prometheus-adapter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules adapterRules
	if err := yaml.UnmarshalStrict(data, &rules); err != nil {
		t.Fatal(err)
	}
	offered := map[string]bool{}
	for _, r := range rules.ExternalRules {
		if offered[r.Name.As] || r.Resources.Namespaced == nil || *r.Resources.Namespaced {
			t.Errorf("%s is offered twice, or for one namespace", r.Name.As)
		}
		offered[r.Name.As] = true
	}
	for name, h := range readAutoscaled(t).hpas {
		for _, m := range h.Spec.Metrics {
			if m.Type != autoscaling.ExternalMetricSourceType || !offered[m.External.Metric.Name] {
				t.Errorf("%s: nobody offers %v", name, m)
			}
		}
	}
}
