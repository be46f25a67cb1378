package rules

// httpRequests are answers of a route that were counted.
func httpRequests(handler, values string) series {
	return on("http_requests_total", `handler="`+handler+`", method="POST", status="2xx"`, values)
}

// ofEngine is a series of the engine behind replica 0/1.
func ofEngine(name, labels, values string) series {
	if labels != "" {
		labels = ", " + labels
	}
	return on(name, `stage="0", replica="1"`+labels, values)
}

const still0 = "5x40"

// without leaves out the series of a family.
func without(all []series, family string) []series {
	var left []series
	for _, s := range all {
		if len(s.name) < len(family) || s.name[:len(family)] != family {
			left = append(left, s)
		}
	}
	return left
}

// standing is the alert about one family.
func standing(family string) []string {
	return []string{`LimelightFamilyStandsStill severity="ticket", family="` + family + `"`}
}

// failing are scrapes of an engine of which some fail.
func failing(reason, failures string) []series {
	return []series{
		ofEngine("limelight_engine_scrape_failures_total", `reason="`+reason+`"`, failures),
		ofEngine("limelight_engine_scrape_duration_seconds_count", "", "0+2x40"),
	}
}

var pageCases = []promCase{
	{alert: "LimelightDown", when: "when each target is down", at: "5m",
		input: []series{on("up", "", "1x2 0x40"), {`up{job="limelight", instance="b:9400"}`, "0x40"}},
		fires: []string{
			`LimelightDown severity="page"`,
			`LimelightTargetDown severity="ticket", instance="a:9400"`, `LimelightTargetDown severity="ticket", instance="b:9400"`,
		}},
	{alert: "LimelightDown", when: "when there is no target", at: "5m",
		input: []series{{`up{job="other", instance="a:9400"}`, "1x40"}},
		fires: []string{`LimelightDown severity="page"`}},
	{alert: "LimelightDown", when: "is silent when one of two is up", at: "5m",
		input: []series{on("up", "", "1x40"), {`up{job="monitoring/limelight", instance="c:9400"}`, "1x40"}, {`up{job="limelight", instance="b:9400"}`, "0x40"}},
		fires: []string{`LimelightTargetDown severity="ticket", job="limelight"`}},

	{alert: "LimelightTargetDown", when: "when one of two is down", at: "5m",
		input: []series{on("up", "", "1x40"), {`up{job="limelight", instance="b:9400"}`, "0x40"}},
		fires: []string{`LimelightTargetDown severity="ticket", instance="b:9400"`}},
	{alert: "LimelightTargetDown", when: "is silent when a server of another job is down", at: "5m",
		input: []series{on("up", "", "1x40"), {`up{job="node", instance="b:9100"}`, "0x40"}}},

	{alert: "LimelightRestarts", when: "when the process starts three times", at: "8m",
		input: []series{on("process_start_time_seconds", "", "100x2 190x2 280x2 370x20")},
		fires: []string{`LimelightRestarts severity="ticket", instance="a:9400"`}},
	{alert: "LimelightRestarts", when: "is silent after two starts, as a rollback has", at: "8m",
		input: []series{on("process_start_time_seconds", "", "100x2 190x2 280x20")}},

	{alert: "LimelightStatsOff", when: "when requests are answered and the page has no sample of an omni family", at: "6m",
		input: []series{httpRequests("/v1/chat/completions", "3x40")},
		fires: []string{`LimelightStatsOff severity="ticket", instance="a:9400"`}},
	{alert: "LimelightStatsOff", when: "is silent when statistics are on", at: "6m",
		input: []series{httpRequests("/v1/chat/completions", "3x40"), on("vllm:omni_num_requests_running", "", "0x40")}},
	{alert: "LimelightStatsOff", when: "is silent while nobody has asked for anything", at: "6m",
		input: []series{httpRequests("/v1/models", "3x40")}},

	{alert: "LimelightEnginePageStale", when: "when an engine's page is two minutes old", at: "6m",
		input: []series{ofEngine("limelight_engine_page_age_seconds", "", "0x4 30+30x40")},
		fires: []string{`LimelightEnginePageStale severity="ticket", stage="0", replica="1"`}},
	{alert: "LimelightEnginePageStale", when: "is silent when a page is as old as a scrape interval", at: "6m",
		input: []series{ofEngine("limelight_engine_page_age_seconds", "", "30x40")}},

	{alert: "LimelightEngineScrapeFailing", when: "when no scrape brings a page", at: "6m",
		input: failing("timeout", "0+2x40"),
		fires: []string{`LimelightEngineScrapeFailing severity="ticket", stage="0", replica="1", reason="timeout"`}},
	{alert: "LimelightEngineScrapeFailing", when: "is silent when some do not", at: "6m",
		input: failing("timeout", "0+0.5x40")},

	{alert: "LimelightFamilyStandsStill", when: "when replies have no frames", at: "8m",
		input: append(without(spoken("0", 10), "vllm:omni_audio_frames"), on("vllm:omni_audio_frames_total", code2wav, still0)),
		fires: standing("vllm:omni_audio_frames_total")},
	{alert: "LimelightFamilyStandsStill", when: "when replies have no real-time factor", at: "8m",
		input: without(spoken("0", 10), "vllm:omni_audio_rtf"),
		fires: standing("vllm:omni_audio_rtf")},
	{alert: "LimelightFamilyStandsStill", when: "when streams have no first packet", at: "8m",
		input: append(without(streamed(10, 10), "vllm:omni_audio_ttfp"), on("vllm:omni_audio_ttfp_s_count", code2wav, still0)),
		fires: standing("vllm:omni_audio_ttfp_s")},
	{alert: "LimelightFamilyStandsStill", when: "when replies were made of nothing that came over a hop", at: "8m",
		input: append(without(spoken("0", 10), "vllm:omni_transfer"),
			on("vllm:omni_transfer_size_bytes_count", `from_stage="1", from_replica="0", to_stage="2", to_replica="1"`, "0+10x40")),
		fires: standing("vllm:omni_transfer_size_bytes")},
	{alert: "LimelightFamilyStandsStill", when: "when requests ended in no time", at: "8m",
		input: []series{ended("stop", 10), on("vllm:omni_e2e_request_latency_s_count", "", still0)},
		fires: standing("vllm:omni_e2e_request_latency_s")},
	{alert: "LimelightFamilyStandsStill", when: "when requests ended and no token was made", at: "8m",
		input: append(answered(10), on("vllm:generation_tokens_total", `stage="0", replica="0"`, still0)),
		fires: standing("vllm:generation_tokens_total")},
	{alert: "LimelightFamilyStandsStill", when: "is silent when all families move", at: "8m",
		input: join(spoken("0", 10), streamed(10, 10), answered(20, on("vllm:generation_tokens_total", `stage="0", replica="0"`, "0+900x40")))},
	{alert: "LimelightFamilyStandsStill", when: "is silent when servers elsewhere tell of no token", at: "8m",
		input: answered(10)},
	{alert: "LimelightFamilyStandsStill", when: "is silent when only four requests ended", at: "8m",
		input: []series{on("vllm:omni_requests_success_total", `finished_reason="stop"`, "0 1 2 3 4x40"), on("vllm:omni_e2e_request_latency_s_count", "", still0)}},
}
