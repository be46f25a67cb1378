package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/limelight-omni/limelight/internal/autoscale"
)

// scaled are the stages of both servers, by what they do.
var scaled = []struct {
	model, prefix string
	stages        []autoscale.Role
}{
	{"limelight-tiny", prefixes[0], []autoscale.Role{autoscale.Thinker, autoscale.Talker, autoscale.Code2Wav}},
	{"relayed", prefixes[1], []autoscale.Role{autoscale.Chat, autoscale.Speech}},
}

// signals asks both databases what an autoscaler asks: each signal of each stage
// is one number.
func (r *room) signals(ctx context.Context) error {
	var wrong []error
	for _, d := range []database{r.prometheus, r.victoria} {
		run, failed, empty := 0, 0, 0
		for _, server := range scaled {
			for stage, role := range server.stages {
				for _, s := range autoscale.Signals() {
					if !slices.Contains(s.Roles, role) {
						continue
					}
					run++
					model := fmt.Sprintf("model_name=%q", server.model)
					expr := s.Query(fmt.Sprintf("%s,stage=\"%d\"", model, stage), model)
					answer, err := d.instant(ctx, strings.ReplaceAll(expr, prefixes[0], server.prefix))
					switch {
					case err != nil:
						failed++
						wrong = append(wrong, fmt.Errorf("%s: signal %s of %s: %w", d.name, s.Name, role, err))
					case len(answer) != 1 || !speaks(answer):
						empty++
						wrong = append(wrong, fmt.Errorf("%s: signal %s of %s is no number but %v", d.name, s.Name, role, answer))
					}
				}
			}
		}
		r.report.queries(d.name, "signals", run, failed, empty, 0)
	}
	return errors.Join(wrong...)
}
