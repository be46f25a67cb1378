package rules

import "time"

// pageAlerts are about the numbers themselves: whether they come, and whether
// they can be believed.
var pageAlerts = append([]alert{{
	name: "LimelightDown", severity: page, wait: time.Minute, dashboard: gatewayDashboard,
	expr: `
max by (job) (up{job=~"$job"}) == 0
or
absent(up{job=~"$job"})`,
	summary:     "No server of job {{ $labels.job }} can be scraped",
	description: "Each target of the job is down, or there is none: nobody is served, or nobody can tell. Every other alert is silent meanwhile.",
}, {
	name: "LimelightTargetDown", severity: ticket, wait: 2 * time.Minute, dashboard: gatewayDashboard,
	expr: `
up{job=~"$job"} == 0`,
	summary:     "{{ $labels.instance }} of job {{ $labels.job }} cannot be scraped",
	description: "The metrics page of {{ $labels.instance }} does not come.",
}, {
	name: "LimelightRestarts", severity: ticket, dashboard: gatewayDashboard,
	expr: `
changes(process_start_time_seconds{job=~"$job"}[30m]) >= 3`,
	summary:     "{{ $labels.instance }} of job {{ $labels.job }} restarts again and again",
	description: "The process at {{ $labels.instance }} started {{ $value | humanize }} times within the last half hour. Each start ended its requests.",
}, {
	name: "LimelightStatsOff", severity: ticket, wait: 5 * time.Minute, dashboard: gatewayDashboard,
	expr: `
sum by (job, instance) (http_requests_total{job=~"$job", handler=~"/v1/(chat/completions|completions|audio/speech)"}) > 0
unless on (job, instance)
(vllm:omni_num_requests_running or vllm_omni:num_requests_running)`,
	summary:     "{{ $labels.instance }} of job {{ $labels.job }} serves requests and records none",
	description: "{{ $labels.instance }} has answered {{ $value | humanize }} requests, but its page has no sample of the omni families: it was started without --log-stats, and no other alert can see it.",
}, {
	name: "LimelightEnginePageStale", severity: ticket, wait: time.Minute, dashboard: gatewayDashboard,
	expr: `
limelight_engine_page_age_seconds > seconds(1m)`,
	summary:     "The engine behind replica {{ $labels.stage }}/{{ $labels.replica }} of " + theModel + " gives no metrics page",
	description: "The newest page of the engine of " + theReplica + " is {{ $value | humanizeDuration }} old; its families are missing from the page.",
}, {
	name: "LimelightEngineScrapeFailing", severity: ticket, dashboard: gatewayDashboard,
	expr: `
sum by (job, instance, model_name, stage, replica, reason) (increase(limelight_engine_scrape_failures_total[10m]))
/ on (job, instance, model_name, stage, replica) group_left ()
(sum by (job, instance, model_name, stage, replica) (increase(limelight_engine_scrape_duration_seconds_count[10m])) > 0)
> 0.5
and
sum by (job, instance, model_name, stage, replica, reason) (increase(limelight_engine_scrape_failures_total[10m])) >= 3`,
	summary:     "Scrapes of the engine behind replica {{ $labels.stage }}/{{ $labels.replica }} of " + theModel + " fail ({{ $labels.reason }})",
	description: "{{ $value | humanizePercentage }} of the scrapes of the engine of " + theReplica + " brought no page over the last ten minutes: {{ $labels.reason }}.",
}}, standstills()...)

// standstill says that something happened, and that a family which it has to
// move stands still.
type standstill struct {
	family  string
	of      string // the labels that tell who it is
	event   string // at least five of them
	moved   string
	also    string // a further condition
	where   string
	because string
}

const (
	naturalEnds = `sum by (` + ofModel + `) (model:omni_requests_ended:increase10m{finished_reason=~"stop|length|repetition"})`
	hopsTo      = `sum by (` + ofReplica + `) (
  label_replace(label_replace(edge:omni_transfers:increase10m, "stage", "$1", "to_stage", "(.*)"), "replica", "$1", "to_replica", "(.*)")
)`
)

var still = []standstill{
	{family: "vllm:omni_audio_frames_total", of: ofReplica, where: theReplica, event: "replica:omni_audio_replies:increase10m", moved: "replica:omni_audio_frames:increase10m",
		because: "spoken replies ended, and each has frames"},
	{family: "vllm:omni_audio_rtf", of: ofReplica, where: theReplica, event: "replica:omni_audio_replies:increase10m", moved: "replica:omni_audio_rtf:increase10m",
		because: "spoken replies ended, and each has a real-time factor"},
	{family: "vllm:omni_audio_ttfp_s", of: ofReplica, where: theReplica, event: "replica:omni_audio_streams:increase10m", moved: "replica:omni_audio_first_packets:increase10m",
		because: "streams with sound ended, and each had a first packet"},
	{family: "vllm:omni_transfer_size_bytes", of: ofReplica, where: theReplica, event: `replica:omni_audio_replies:increase10m{stage!="0"}`, moved: hopsTo,
		because: "spoken replies ended, and what they were made of came over a hop"},
	{family: "vllm:omni_e2e_request_latency_s", of: ofModel, where: theModel, event: naturalEnds, moved: "model:omni_e2e_requests:increase10m",
		because: "requests ended naturally, and each took its time"},
	// Servers that are relayed to need not tell of tokens, and then there is no
	// such family.
	{family: "vllm:generation_tokens_total", of: ofModel, where: theModel, event: naturalEnds,
		moved:   "sum by (" + ofModel + ") (increase(vllm:generation_tokens_total[10m]))",
		also:    "sum by (" + ofModel + ") (vllm:generation_tokens_total) >= 0",
		because: "requests ended naturally, and each had a token"},
}

// standstills are alerts of one name, with the family as a label. An absent
// family stands still as well.
func standstills() []alert {
	var all []alert
	for _, s := range still {
		expr := s.event + " >= 5\nunless on (" + s.of + ")\n" + s.moved + " > 0"
		if s.also != "" {
			expr = "(" + expr + ")\nand on (" + s.of + ")\n" + s.also
		}
		all = append(all, alert{
			name: "LimelightFamilyStandsStill", severity: ticket, wait: 5 * time.Minute, dashboard: gatewayDashboard,
			labels:      map[string]string{"family": s.family},
			expr:        expr,
			summary:     "{{ $labels.family }} of " + theModel + " stands still",
			description: "{{ $labels.family }} of " + s.where + " has not moved for ten minutes, although {{ $value | humanize }} " + s.because + ".",
		})
	}
	return all
}
