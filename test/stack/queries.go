package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// queries runs every query of the rules against both databases.
func (r *room) queries(ctx context.Context) error {
	var wrong []error
	for _, d := range []database{r.prometheus, r.victoria} {
		run, failed, empty := 0, 0, 0
		for _, g := range r.rules.Groups {
			for _, rule := range g.Rules {
				run++
				answer, err := d.instant(ctx, rule.Expr)
				if err != nil {
					failed++
					wrong = append(wrong, fmt.Errorf("%s: rule %s%s: %w", d.name, rule.Record, rule.Alert, err))
				} else if rule.Record != "" && !speaks(answer) {
					empty++
					wrong = append(wrong, fmt.Errorf("%s: rule %s %v records nothing", d.name, rule.Record, rule.Labels))
				}
			}
		}
		r.report.queries(d.name, "rules", run, failed, empty, 0)
	}
	return errors.Join(append(wrong, r.ruleHealth(ctx))...)
}

// ruleHealth asks those who evaluate the rules whether each of them could be
// evaluated at last.
func (r *room) ruleHealth(ctx context.Context) error {
	var wrong []error
	for _, d := range []database{r.prometheus, r.vmalert} {
		data, err := fetch(ctx, d.url+"/api/v1/rules")
		if err != nil {
			return err
		}
		var answer struct {
			Data struct {
				Groups []struct {
					Name  string
					Rules []struct {
						Name, Health, LastError string
						Labels                  map[string]string
					}
				}
			}
		}
		if err := json.Unmarshal(data, &answer); err != nil {
			return fmt.Errorf("%s: rules: %w", d.name, err)
		}
		rules := 0
		for _, g := range answer.Data.Groups {
			for _, rule := range g.Rules {
				rules++
				if rule.Health != "ok" {
					wrong = append(wrong, fmt.Errorf("%s: rule %s %v is %s: %s", d.name, rule.Name, rule.Labels, rule.Health, rule.LastError))
				}
			}
		}
		want := 0
		for _, g := range r.rules.Groups {
			want += len(g.Rules)
		}
		if rules != want {
			wrong = append(wrong, fmt.Errorf("%s has %d rules, want %d", d.name, rules, want))
		}
	}
	return errors.Join(wrong...)
}
