package check

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
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
			if info, err := os.Stat(v.Source); err != nil || info.IsDir() {
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
	Configs []struct {
		Name   string `json:"job_name"`
		Static []struct {
			Targets []string `json:"targets"`
		} `json:"static_configs"`
	} `json:"scrape_configs"`
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
	service, there := project(t).Services[host]
	if !there || !slices.Contains(service.Expose, port) {
		t.Errorf("nothing is at %s", target)
	}
}
