package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// view is what `limelight top` must show of a server during a fault.
type view struct {
	server string // front or relay
	line   string // a regular expression that one of its lines matches
}

// look asks `limelight top` for the views, and `limelight check` whether the
// pages of both servers hold also while something is wrong.
func (r *room) look(ctx context.Context, views []view) error {
	urls := map[string]string{"front": r.front, "relay": r.relay}
	var wrong []error
	for name, url := range urls {
		if text, err := exec.CommandContext(ctx, r.programs.limelight, "check", url).CombinedOutput(); err != nil {
			wrong = append(wrong, fmt.Errorf("limelight check of the %s: %w: %s", name, err, text))
		}
	}
	for _, v := range views {
		text, err := exec.CommandContext(ctx, r.programs.limelight, "top", "--once", urls[v.server]).CombinedOutput()
		if err != nil {
			wrong = append(wrong, fmt.Errorf("limelight top of the %s: %w: %s", v.server, err, text))
			continue
		}
		found, err := regexp.MatchString("(?m)"+v.line, string(text))
		if err != nil {
			return err
		}
		if !found {
			wrong = append(wrong, fmt.Errorf("limelight top of the %s has no line %s:\n%s", v.server, v.line, strings.TrimSpace(string(text))))
		}
	}
	return errors.Join(wrong...)
}
