package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/limelight-omni/limelight/internal/rules"
)

// The time scales. Budgets have windows of hours and days, so they need a
// larger one than the alerts whose windows are minutes; at that scale these
// would see too few requests.
const (
	budgetScale = 150 // 5 minutes are 2 s, 6 hours are 2.4 minutes
	alertScale  = 15  // 10 minutes are 40 s
)

// budgetGroups are those that are made at the scale of budgets. They need no
// series that another group records.
var budgetGroups = []string{"limelight-objectives", "limelight-budgets"}

// objectives are those of the stack: the defaults, but for the times that a
// machine which also runs all clients and two databases can promise.
const objectives = `window: 30d
min_bad_events: 5
objectives:
  - {name: ttfp, family: "vllm:omni_audio_ttfp_s", threshold: 20, target: 0.95}
  - {name: rtf, family: "vllm:omni_audio_rtf", threshold: 5, target: 0.99}
  - {name: continuity, family: "vllm:omni_audio_underrun_s", threshold: 0.1, target: 0.995}
  - {name: availability, family: "vllm:omni_requests_success_total", target: 0.999}
  - {name: e2e, family: "vllm:omni_e2e_request_latency_s", threshold: 60, target: 0.99}
`

// makeRules writes the rules, as `limelight rules` makes them, for the
// monitoring.
func (r *room) makeRules(ctx context.Context) error {
	if err := r.write("objectives.yml", objectives); err != nil {
		return err
	}
	budgets, err := r.rulesAt(ctx, budgetScale)
	if err != nil {
		return err
	}
	alerts, err := r.rulesAt(ctx, alertScale)
	if err != nil {
		return err
	}
	isBudget := func(g rules.Group) bool { return slices.Contains(budgetGroups, g.Name) }
	all := rules.File{Groups: append(slices.DeleteFunc(alerts.Groups, isBudget), slices.DeleteFunc(budgets.Groups, func(g rules.Group) bool { return !isBudget(g) })...)}
	text, err := yaml.Marshal(all)
	if err != nil {
		return err
	}
	r.rules = all
	return r.write("rules.yml", string(text))
}

// rulesAt is what `limelight rules` prints at a time scale.
func (r *room) rulesAt(ctx context.Context, scale int) (rules.File, error) {
	var file rules.File
	command := exec.CommandContext(ctx, r.programs.limelight, "rules", "--objectives", "objectives.yml", "--time-scale", fmt.Sprint(scale))
	command.Dir = r.dir
	text, err := command.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = errors.New(strings.TrimSpace(string(failed.Stderr)))
		}
		return file, fmt.Errorf("limelight rules: %w", err)
	}
	if err := yaml.Load(text, &file); err != nil {
		return file, fmt.Errorf("what limelight rules prints: %w", err)
	}
	return file, nil
}
