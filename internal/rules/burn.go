package rules

import (
	"fmt"
	"strconv"
	"time"

	"github.com/limelight-omni/limelight/internal/objective"
)

// ratioWindow is a window over which the share of bad events is recorded.
type ratioWindow struct {
	length  time.Duration
	every   time.Duration // how often it is evaluated
	counted bool          // the number of bad events is recorded as well
}

var ratioWindows = []ratioWindow{
	{5 * time.Minute, fast, false},
	{30 * time.Minute, fast, false},
	{time.Hour, fast, true},
	{2 * time.Hour, fast, false},
	{6 * time.Hour, fast, true},
	{day, slow, true},
	{3 * day, slow, true},
}

// burn alerts when the budget is spent that many times as fast as it may be,
// over the long window, and still is, over the short one.
type burn struct {
	factor      float64
	long, short time.Duration
	severity    string
}

// The pairs are those of the Site Reliability Workbook. Of a budget for 30 days
// they tell when 2 % are gone within an hour, 5 % within six, 10 % within a day,
// or 10 % within three.
var burns = []burn{
	{14.4, time.Hour, 5 * time.Minute, page},
	{6, 6 * time.Hour, 30 * time.Minute, page},
	{3, day, 2 * time.Hour, ticket},
	{1, 3 * day, 6 * time.Hour, ticket},
}

func (b *builder) pages() []Rule   { return b.burnAlerts(page) }
func (b *builder) tickets() []Rule { return b.burnAlerts(ticket) }

func (b *builder) burnAlerts(severity string) []Rule {
	var rules []Rule
	for _, o := range b.objectives.Objectives {
		for _, burn := range burns {
			// Where even nothing but bad events would not be enough, the pair says
			// nothing: an objective of 90 % cannot be missed 14.4 times as fast.
			if burn.severity == severity && burn.factor*o.Budget() < 1 {
				rules = append(rules, b.burnAlert(o, burn))
			}
		}
	}
	return rules
}

func (b *builder) burnAlert(o objective.Objective, of burn) Rule {
	w := wordsOf(o)
	long, short := duration(of.long), duration(of.short)
	most := decimal(of.factor * o.Budget())
	of1 := fmt.Sprintf("{objective=%q}", o.Name)
	r := Rule{
		Alert: w.alert,
		Expr: fmt.Sprintf("%s%s%s > %s\nand %s%s%s > %s\nand %s%s%s >= %d",
			badRatio, long, of1, most, badRatio, short, of1, most, badIncrease, long, of1, b.objectives.MinBadEvents),
		Labels: map[string]string{"objective": o.Name, "window": b.scale.text(of.long)},
	}
	description := fmt.Sprintf("{{ $value | humanizePercentage }} of the %s of {{ $labels.model_name }} %s, over the last %s. "+
		"The objective %s allows %s; at this pace its budget for %s is gone within %s.",
		w.events, w.bad, b.scale.text(of.long), o.Name, percent(o.Budget()), duration(b.objectives.Window), pace(b.objectives.Window, of.factor))
	return b.alert(r, of.severity, w.summary, description, w.dashboard)
}

// pace is the time in which a budget is gone that is spent factor times as fast
// as it may be, in words.
func pace(window time.Duration, factor float64) string {
	hours := window.Hours() / factor
	if hours < 48 {
		return strconv.FormatFloat(hours, 'f', 0, 64) + " hours"
	}
	return strconv.FormatFloat(hours/24, 'f', 0, 64) + " days"
}

func percent(share float64) string { return decimal(share*100) + " %" }

// words say what an objective is about.
type words struct {
	alert, summary, events, bad, dashboard string
}

// wordsOf are those of the family that an objective is measured by.
func wordsOf(o objective.Objective) words {
	limit := decimal(o.Threshold)
	switch o.Family.Name {
	case "vllm:omni_audio_ttfp_s":
		return words{"LimelightFirstSoundLate", "Listeners of {{ $labels.model_name }} wait too long for the first sound",
			"streamed replies", "had their first sound more than " + limit + " s after the request", audioDashboard}
	case "vllm:omni_audio_rtf":
		return words{"LimelightSpeechTooSlow", "Speech of {{ $labels.model_name }} is made more slowly than it is heard",
			"spoken replies", "took their audio stage more than " + limit + " times as long as they sound", audioDashboard}
	case "vllm:omni_audio_underrun_s":
		return words{"LimelightAudioGaps", "Listeners of {{ $labels.model_name }} hear gaps",
			"streamed replies", "ran dry for more than " + decimal(o.Threshold*1000) + " ms in a listener's player", audioDashboard}
	case objective.Availability:
		return words{"LimelightRequestsFail", "Requests to {{ $labels.model_name }} fail",
			"requests", "ended as an error or were refused for want of room", pipelineDashboard}
	case "vllm:omni_e2e_request_latency_s":
		return words{"LimelightRepliesSlow", "Replies of {{ $labels.model_name }} take too long",
			"replies", "took more than " + limit + " s from the request to their last byte", pipelineDashboard}
	}
	return words{"LimelightObjectiveMissed", "The objective {{ $labels.objective }} of {{ $labels.model_name }} is being missed",
		"observations of " + o.Family.Name, "were above " + limit + " " + o.Family.Unit, pipelineDashboard}
}
