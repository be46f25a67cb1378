package rules

// audioAlerts are about what listeners hear at one replica. The share of gaps
// over all replicas is an objective.
var audioAlerts = []alert{{
	name: "LimelightSilentAudio", severity: page, dashboard: audioDashboard,
	expr: `
replica:limelight_audio_silent:increase10m / (replica:omni_audio_replies:increase10m > 0) > 0.02
and
replica:limelight_audio_silent:increase10m >= 3`,
	summary:     "Replies of " + theModel + " are silent",
	description: "Of {{ $value | humanizePercentage }} of the spoken replies of " + theReplica + " nothing can be heard: their peak is below -60 dBFS. No other number tells, since samples came in time.",
}, {
	name: "LimelightAudioSkipped", severity: page, labels: map[string]string{"reason": "malformed_codec"}, dashboard: audioDashboard,
	expr:        skippedShare("malformed_codec", "0.02", "3"),
	summary:     "Replies of " + theModel + " have no sound, since codec frames are rejected",
	description: "{{ $value | humanizePercentage }} of the replies of " + theReplica + " were 200 with empty audio: code2wav rejected the talker's codec frames.",
}, {
	name: "LimelightAudioSkipped", severity: ticket, labels: map[string]string{"reason": "no_audio_data"}, dashboard: audioDashboard,
	expr:        skippedShare("no_audio_data", "0.2", "10"),
	summary:     "Replies of " + theModel + " have no sound, since nothing is spoken",
	description: "{{ $value | humanizePercentage }} of the replies of " + theReplica + " were 200 with empty audio: the talker made no codec frame.",
}, {
	// Which cause most gaps had is known where Limelight is the server. It counts
	// also gaps that are too short to hear, hence the share of causes.
	name: "LimelightReplicaAudioGaps", severity: ticket, dashboard: audioDashboard,
	expr: `
(
  sum by (job, instance, model_name, stage, replica, cause) (increase(limelight_audio_underruns_total[10m]))
  / on (job, instance, model_name, stage, replica) group_left ()
  (sum by (job, instance, model_name, stage, replica) (increase(limelight_audio_underruns_total[10m])) > 0)
  >= 0.5
) * 0
+ on (job, instance, model_name, stage, replica) group_left ()
(` + gapShare + `)
or on (job, instance, model_name, stage, replica)
(` + gapShare + `)`,
	summary:     "Listeners of replica {{ $labels.stage }}/{{ $labels.replica }} of " + theModel + " hear gaps",
	description: "{{ $value | humanizePercentage }} of the streams of " + theReplica + " ran dry for more than 100 ms over the last ten minutes{{ with $labels.cause }}, most of them by {{ . }}{{ end }}." + slowestHop,
}}

// slowestHop is the sentence about the hop to an alert's replica that takes
// longest, where one leads there. Prometheus and vmalert ask for it when the
// alert fires.
const slowestHop = "{{ with printf `topk(1, edge:omni_transfer_seconds:increase10m{job=%q, instance=%q, to_stage=%q, to_replica=%q} " +
	"/ (edge:omni_transfers:increase10m > 0))` $labels.job $labels.instance $labels.stage $labels.replica | query }}{{ with first . }}" +
	" The slowest hop to it is {{ label \"from_stage\" . }}/{{ label \"from_replica\" . }} -> {{ $labels.stage }}/{{ $labels.replica }}: " +
	"{{ value . | humanizeDuration }} a payload.{{ end }}{{ end }}"

// skippedShare is the share of replies without sound for a reason.
func skippedShare(reason, share, least string) string {
	skipped := `replica:omni_audio_skipped:increase10m{reason="` + reason + `"}`
	return skipped + `
/ on (job, instance, model_name, stage, replica)
(
  sum by (job, instance, model_name, stage, replica) (replica:omni_audio_skipped:increase10m)
  + on (job, instance, model_name, stage, replica)
  replica:omni_audio_replies:increase10m
  > 0
)
> ` + share + `
and on (job, instance, model_name, stage, replica)
` + skipped + ` >= ` + least
}

// gapShare is the share of streams with a gap that can be heard, where it is
// above 5 % and there were five of them.
const gapShare = `
  replica:omni_audio_gaps:increase10m / (replica:omni_audio_streams:increase10m > 0) > 0.05
  and
  replica:omni_audio_gaps:increase10m >= 5
`
