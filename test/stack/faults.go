package main

import (
	"context"
	"regexp"
	"time"
)

// The names of the jobs that are scraped.
const (
	frontJob = "limelight-front"
	relayJob = "limelight-relay"
	stageJob = "limelight-stages"
)

// What is done to the way to code2wav's replica 1. Frames are 64 bytes for 80 ms
// of sound: on the narrow way the 32 frames of a second chunk take 1.6 s, and the
// first one is over after 1.28 s. A delay that all chunks have alike makes nobody
// wait but for the first one.
const (
	narrow = 1300 // bytes a second
	slow   = 800 * time.Millisecond
)

// voice1 and hopTo1 are what the delays are about.
var (
	voice1 = map[string]string{"job": frontJob, "stage": "2", "replica": "1"}
	hopTo1 = map[string]string{"job": frontJob, "from_stage": "1", "from_replica": "0", "to_stage": "2", "to_replica": "1"}

	hopIsSlow = []expected{
		{name: "LimelightSlowHop", labels: with(voice1, "seen_in", "receipts")},
		{name: "LimelightSlowHop", labels: with(hopTo1, "seen_in", "transfers"), says: []string{"1/0 -> 2/1"}},
	}
)

// slowHopSeen is the hop's line: in flight for more than 0.2 s at the 95th
// percentile.
var slowHopSeen = view{"front", `^\s+1/0 > 2/1\s+\S+\s+\S+\s+\S+\s+(\d+\.\d+s|[2-9]\d\d(\.\d+)?ms)\s`}

// faults come one after the other. The last one spends an error budget, and a
// single gap that a busy machine makes while it is spent would alert again.
var faults = []fault{{
	name:   "slow hop",
	force:  func(_ context.Context, r *room) error { r.peer["code2wav-1"].slow(slow); return nil },
	mend:   heal,
	expect: hopIsSlow,
	top:    []view{slowHopSeen},
}, {
	name:  "silent audio",
	force: func(_ context.Context, r *room) error { r.hum.muted.Store(true); return nil },
	mend:  func(_ context.Context, r *room) error { r.hum.muted.Store(false); return nil },
	expect: []expected{
		{name: "LimelightSilentAudio", labels: map[string]string{"job": relayJob, "stage": "1", "replica": "1"}},
	},
}, {
	name: "dead replicas",
	force: func(ctx context.Context, r *room) error {
		// Somebody has to be there, so that a request fails: the sound comes late.
		r.peer["code2wav-1"].lag(slow)
		busy := regexp.MustCompile(`limelight_replica_requests\{[^}]*replica="1",stage="2"[^}]*\} [1-9]`)
		err := poll(ctx, 20*time.Millisecond, func() (bool, error) {
			page, err := fetch(ctx, r.front+"/metrics")
			return busy.Match(page), err
		})
		r.backend["code2wav-1"].process.kill()
		r.backend["chat-1"].process.kill()
		r.peer["code2wav-1"].lag(0)
		return err
	},
	mend: func(ctx context.Context, r *room) error {
		return r.runAll(ctx, r.backend["code2wav-1"], r.backend["chat-1"])
	},
	expect: []expected{
		{name: "LimelightReplicaDown", labels: voice1},
		{name: "LimelightTargetDown", labels: map[string]string{"job": stageJob}},
		{name: "LimelightReplicaDown", labels: map[string]string{"job": relayJob, "stage": "0", "replica": "1"}},
		{name: "LimelightEnginePageStale", labels: map[string]string{"job": relayJob, "stage": "0", "replica": "1"}},
		{name: "LimelightEngineScrapeFailing", labels: map[string]string{"job": relayJob, "stage": "0", "replica": "1"}},
	},
}, {
	name:  "gap in the audio",
	force: func(_ context.Context, r *room) error { r.peer["code2wav-1"].narrow(narrow); return nil },
	mend:  heal,
	expect: append([]expected{
		{name: "LimelightReplicaAudioGaps", labels: with(voice1, "cause", "late_production"), says: []string{"Listeners of replica 2/1", "The slowest hop to it is 1/0 -> 2/1"}},
		{name: "LimelightAudioGaps", labels: map[string]string{"job": frontJob, "objective": "continuity"}},
	}, hopIsSlow...),
	top: []view{{"front", `^\s+2\s+1\s.*\s[1-9]\d* of \d+\s+\d+\s*$`}, slowHopSeen},
}}

// heal makes the way fast and wide again.
func heal(_ context.Context, r *room) error { r.peer["code2wav-1"].slow(0); return nil }

// with is the labels and one more.
func with(labels map[string]string, name, value string) map[string]string {
	all := map[string]string{name: value}
	for n, v := range labels {
		all[n] = v
	}
	return all
}
