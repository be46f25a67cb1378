package check

import (
	"bytes"
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"sigs.k8s.io/yaml"
)

func TestDockerfileMakesAnImageOfOneBinaryWithoutRoot(t *testing.T) {
	data, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range tree.Warnings {
		t.Errorf("line %d: %s", w.Location.Start.Line, w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, description, _, message string, at []parser.Range) {
		t.Errorf("%s: %s (%s) at %v", rule, message, description, at)
	}})
	stages, _, err := instructions.Parse(tree.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	last := stages[len(stages)-1]
	if last.BaseName != "scratch" {
		t.Errorf("the image is made from %s", last.BaseName)
	}
	var user, entry, healthy bool
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user = c.User == "65532:65532" // a number, so that Kubernetes can tell that it is not root
		case *instructions.EntrypointCommand:
			entry = slices.Equal(c.CmdLine, []string{"/limelight"}) && !c.PrependShell
		case *instructions.HealthCheckCommand:
			healthy = slices.Equal(c.Health.Test, []string{"CMD", "/limelight", "ready"})
		case *instructions.CopyCommand:
			if !slices.ContainsFunc(stages, func(s instructions.Stage) bool { return s.Name == c.From }) {
				t.Errorf("%s: there is no stage %q", c, c.From)
			}
		}
	}
	if !user || !entry || !healthy {
		t.Errorf("user %v, entry point %v, health check %v", user, entry, healthy)
	}
}

// project loads the compose file with an environment.
func project(t *testing.T, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../compose.yml"}, cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComposeFileLoadsAndItsFilesAreThere(t *testing.T) {
	p := project(t, "VLLM_API_KEY=secret")
	for name, service := range p.Services {
		for _, v := range service.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			info, err := os.Stat(v.Source)
			if folder := filepath.Ext(v.Target) == ""; err != nil || info.IsDir() != folder {
				t.Errorf("%s mounts %s: %v", name, v.Source, err)
			}
		}
	}
	s := p.Services["limelight"]
	if key := s.Environment["VLLM_API_KEY"]; key == nil || *key != "secret" {
		t.Error("the key does not reach the server")
	}
	if key := project(t).Services["limelight"].Environment["VLLM_API_KEY"]; key == nil || *key != "" {
		t.Error("without a key there is one")
	}
	if root, err := filepath.Abs("../.."); err != nil || s.Build.Context != root {
		t.Errorf("built from %s, want %s; %v", s.Build.Context, root, err)
	}
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
		t.Error("the server's container is open")
	}
	for _, port := range s.Ports {
		if port.Target == 9400 {
			t.Error("the metrics are published")
		}
	}
}

// scraping is the part of Prometheus' configuration that is used here.
type scraping struct {
	Global struct {
		Interval string `json:"scrape_interval"`
	} `json:"global"`
	Rules    []string `json:"rule_files"`
	Alerting struct {
		Managers []struct {
			Static []targets `json:"static_configs"`
		} `json:"alertmanagers"`
	} `json:"alerting"`
	Configs []struct {
		Name   string    `json:"job_name"`
		Static []targets `json:"static_configs"`
	} `json:"scrape_configs"`
}

type targets struct {
	Targets []string `json:"targets"`
}

func TestPrometheusScrapesAServiceOfTheComposeFile(t *testing.T) {
	data, err := os.ReadFile("../prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	var s scraping
	if err := yaml.UnmarshalStrict(data, &s); err != nil {
		t.Fatal(err)
	}
	target := s.Configs[0].Static[0].Targets[0]
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		t.Fatal(err)
	}
	p := project(t)
	service, there := p.Services[host]
	if !there || !slices.Contains(service.Expose, port) {
		t.Errorf("nothing is at %s", target)
	}
	host, port, err = net.SplitHostPort(s.Alerting.Managers[0].Static[0].Targets[0])
	if err != nil {
		t.Fatal(err)
	}
	manager, there := p.Services[host]
	if !there || !slices.ContainsFunc(manager.Ports, func(at types.ServicePortConfig) bool {
		return strconv.Itoa(int(at.Target)) == port && at.HostIP == "127.0.0.1"
	}) {
		t.Errorf("no alertmanager is at %s:%s, or it is open to all", host, port)
	}

	for _, pattern := range s.Rules {
		for _, v := range p.Services["prometheus"].Volumes {
			if v.Target != filepath.Dir(pattern) {
				continue
			}
			if files, err := filepath.Glob(filepath.Join(v.Source, filepath.Base(pattern))); err == nil && len(files) > 0 {
				return
			}
		}
	}
	t.Errorf("there are no rules at %s", s.Rules)
}

// provisioned are the parts of Grafana's provisioning files that are used here.
type provisioned struct {
	Version     int `json:"apiVersion"`
	Datasources []struct {
		Name     string `json:"name"`
		UID      string `json:"uid"`
		Type     string `json:"type"`
		Access   string `json:"access"`
		URL      string `json:"url"`
		Default  bool   `json:"isDefault"`
		Editable bool   `json:"editable"`
		Options  struct {
			Method   string `json:"httpMethod"`
			Kind     string `json:"prometheusType"`
			Interval string `json:"timeInterval"`
		} `json:"jsonData"`
	} `json:"datasources"`
	Providers []struct {
		Name    string `json:"name"`
		Folder  string `json:"folder"`
		Type    string `json:"type"`
		Updates bool   `json:"allowUiUpdates"`
		Seconds int    `json:"updateIntervalSeconds"`
		Options struct {
			Path string `json:"path"`
		} `json:"options"`
	} `json:"providers"`
}

func TestGrafanaIsProvisionedWithThePrometheusAndTheDashboards(t *testing.T) {
	var source, boards provisioned
	for file, into := range map[string]*provisioned{"datasources/prometheus.yml": &source, "dashboards/limelight.yml": &boards} {
		data, err := os.ReadFile(filepath.Join("../grafana/provisioning", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(data, into); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	p := project(t)
	at, err := url.Parse(source.Datasources[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	prometheus, there := p.Services[at.Hostname()]
	if !there || !slices.ContainsFunc(prometheus.Ports, func(port types.ServicePortConfig) bool { return strconv.Itoa(int(port.Target)) == at.Port() }) {
		t.Errorf("nothing is at %s", at)
	}
	grafana := p.Services["grafana"]
	folder := ""
	for _, v := range grafana.Volumes {
		if v.Target == boards.Providers[0].Options.Path {
			folder = v.Source
		}
	}
	if home := grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]; home == nil || filepath.Dir(*home) != boards.Providers[0].Options.Path {
		t.Error("the first page is none of the dashboards")
	} else if _, err := os.Stat(filepath.Join(folder, filepath.Base(*home))); err != nil {
		t.Error(err)
	}
	if files, err := filepath.Glob(filepath.Join(folder, "*.json")); err != nil || len(files) == 0 {
		t.Errorf("no dashboards in %q: %v", folder, err)
	}
	for _, name := range []string{"grafana", "prometheus"} {
		for _, port := range p.Services[name].Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to other hosts", name)
			}
		}
		if _, version, pinned := strings.Cut(p.Services[name].Image, ":"); !pinned || version == "latest" {
			t.Errorf("%s has no version", p.Services[name].Image)
		}
	}
}

func TestRatesReachOverSeveralScrapes(t *testing.T) {
	var source provisioned
	var prometheus scraping
	for file, into := range map[string]any{"../grafana/provisioning/datasources/prometheus.yml": &source, "../prometheus.yml": &prometheus} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	if scrape, known := prometheus.Global.Interval, source.Datasources[0].Options.Interval; scrape != known {
		t.Errorf("Prometheus scrapes every %s, Grafana takes it to be %s", scrape, known)
	}
}
