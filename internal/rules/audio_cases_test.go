package rules

import "fmt"

// spoken are so many spoken replies of a replica each half minute, none of them
// streamed, with all that their page shows.
func spoken(replica string, each int) []series {
	labels := `stage="2", replica="` + replica + `"`
	values := fmt.Sprintf("0+%dx40", each)
	return []series{
		on("vllm:omni_audio_duration_s_count", labels, values),
		on("vllm:omni_audio_rtf_count", labels, values),
		on("vllm:omni_audio_rtf_bucket", labels+`, le="1"`, values),
		on("vllm:omni_audio_frames_total", labels, fmt.Sprintf("0+%dx40", each*48000)),
		on("vllm:omni_transfer_size_bytes_count", `from_stage="1", from_replica="0", to_stage="2", to_replica="`+replica+`"`, values),
	}
}

func silent(replica, values string) series {
	return on("limelight_audio_silent_requests_total", `stage="2", replica="`+replica+`"`, values)
}

func skipped(reason, values string) series {
	return on("vllm:omni_audio_skipped_requests_total", code2wav+`, reason="`+reason+`"`, values)
}

func underruns(replica, cause, values string) series {
	return on("limelight_audio_underruns_total", `stage="2", replica="`+replica+`", cause="`+cause+`"`, values)
}

// played are a hundred streams of a replica each half minute, of which some had
// no gap that can be heard.
func played(replica string, without int) []series {
	labels := `stage="2", replica="` + replica + `"`
	return []series{
		on("vllm:omni_audio_ttfp_s_count", labels, "0+100x40"),
		on("vllm:omni_audio_ttfp_s_bucket", labels+`, le="1"`, "0+100x40"),
		on("vllm:omni_audio_underrun_s_count", labels, "0+100x40"),
		on("vllm:omni_audio_underrun_s_bucket", labels+`, le="0.1"`, fmt.Sprintf("0+%dx40", without)),
	}
}

var audioCases = []promCase{
	{alert: "LimelightSilentAudio", when: "when every tenth reply of a replica is silent", at: "6m",
		input: join(spoken("0", 10), spoken("1", 10), []series{silent("0", "0+1x40"), silent("1", "0x40")}),
		fires: []string{`LimelightSilentAudio severity="page", stage="2", replica="0"`}},
	{alert: "LimelightSilentAudio", when: "is silent about two silent replies", at: "6m",
		input: join(spoken("0", 1), []series{silent("0", "0x4 1 2x30")})},
	{alert: "LimelightSilentAudio", when: "is silent at 1 %", at: "6m",
		input: join(spoken("0", 100), []series{silent("0", "0+1x40")})},

	{alert: "LimelightAudioSkipped", when: "when codec frames of every tenth reply are rejected", at: "6m",
		input: join(spoken("0", 9), []series{skipped("malformed_codec", "0+1x40"), skipped("no_audio_data", "0x40")}),
		fires: []string{`LimelightAudioSkipped severity="page", reason="malformed_codec", stage="2", replica="0"`}},
	{alert: "LimelightAudioSkipped", when: "when nothing is spoken in every third reply", at: "6m",
		input: join(spoken("0", 20), []series{skipped("malformed_codec", "0x40"), skipped("no_audio_data", "0+10x40")}),
		fires: []string{`LimelightAudioSkipped severity="ticket", reason="no_audio_data"`}},
	{alert: "LimelightAudioSkipped", when: "is silent when a reply in ten has nothing to speak", at: "6m",
		input: join(spoken("0", 9), []series{skipped("malformed_codec", "0x40"), skipped("no_audio_data", "0+1x40")})},
	{alert: "LimelightAudioSkipped", when: "is silent at two rejected replies", at: "6m",
		input: join(spoken("0", 1), []series{skipped("malformed_codec", "0x4 1 2x30")})},

	{alert: "LimelightReplicaAudioGaps", when: "when one replica of many is late, with the cause", at: "6m",
		input: join(played("0", 100), played("1", 93), []series{
			underruns("0", "late_production", "0+2x40"), underruns("0", "slow_client", "0x40"),
			underruns("1", "late_production", "0+9x40"), underruns("1", "slow_client", "0+1x40"),
		}),
		fires: []string{
			`LimelightReplicaAudioGaps severity="ticket", stage="2", replica="1", cause="late_production"`,
			`LimelightAudioGaps severity="page", objective="continuity", window="6h"`,
			`LimelightAudioGaps severity="ticket", objective="continuity", window="1d"`,
			`LimelightAudioGaps severity="ticket", objective="continuity", window="3d"`,
		}},
	{alert: "LimelightReplicaAudioGaps", when: "without a cause, where the server tells none", at: "6m",
		input: join(played("0", 100), played("1", 100), played("2", 100), played("3", 100), played("4", 93)),
		fires: []string{
			`LimelightReplicaAudioGaps severity="ticket", stage="2", replica="4"`,
			`LimelightAudioGaps severity="ticket", objective="continuity", window="3d"`,
		}},
	{alert: "LimelightReplicaAudioGaps", when: "is silent when gaps are spread evenly, which is for the objective to tell", at: "6m",
		input: join(played("0", 98), played("1", 98), []series{underruns("0", "late_production", "0+2x40"), underruns("1", "slow_client", "0+2x40")}),
		fires: []string{
			`LimelightAudioGaps severity="ticket", objective="continuity", window="1d"`,
			`LimelightAudioGaps severity="ticket", objective="continuity", window="3d"`,
		}},
	{alert: "LimelightReplicaAudioGaps", when: "is silent about four gaps in a quiet night", at: "6m",
		input: []series{
			on("vllm:omni_audio_ttfp_s_count", code2wav, "0x3 1 2 3 4x40"), on("vllm:omni_audio_ttfp_s_bucket", code2wav+`, le="1"`, "0x3 1 2 3 4x40"),
			on("vllm:omni_audio_underrun_s_count", code2wav, "0x3 1 2 3 4x40"), on("vllm:omni_audio_underrun_s_bucket", code2wav+`, le="0.1"`, "0x40"),
		}},
}
