package config

import (
	"slices"
	"strings"
	"testing"
)

func TestStagePeersComeFromTheFileAndTheCommandLine(t *testing.T) {
	c, err := Parse("f.yml", []byte("peers:\n  stage_peer: [\"talker, code2wav=10.0.0.2:9400\", talker=b:1]\n"))
	if err != nil {
		t.Fatal(err)
	}
	stages, address, err := ParsePeer(c.Peers.StagePeers[0])
	if err != nil || !slices.Equal(stages, []string{"talker", "code2wav"}) || address != "10.0.0.2:9400" || len(c.Peers.StagePeers) != 2 {
		t.Errorf("%q at %q, %v", stages, address, err)
	}
	c, err = Load(Sources{Env: func(string) (string, bool) { return "", false }, Flags: map[string][]string{"stage-peer": {"talker,code2wav=a:1", "thinker=b:2"}}})
	if err != nil || !slices.Equal(c.Peers.StagePeers, []string{"talker,code2wav=a:1", "thinker=b:2"}) {
		t.Errorf("%q, %v", c.Peers.StagePeers, err)
	}
}

func TestWrongPeersAreErrorsThatSayWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"peers:\n  stage_peer: talker":                `f.yml:2: peers.stage_peer: must be STAGE,...=HOST:PORT, as talker,code2wav=10.0.0.2:9400, got "talker"`,
		"peers:\n  stage_peer: talker=a":              `must be STAGE,...=HOST:PORT`,
		"peers:\n  stage_peer: voice=a:1":             `unknown stage "voice"; the stages are thinker, talker, code2wav`,
		"peers:\n  stage_peer: 1=a:1":                 `a peer's stages go by name, not by id`,
		"peers:\n  ssl_certfile: a":                   `f.yml:2: peers.ssl_certfile: needs peers.ssl_keyfile beside it`,
		"peers:\n  ssl_certfile: a\n  ssl_keyfile: b": `f.yml:2: peers.ssl_certfile: needs peers.ssl or peers.ssl_ca_certs`,
		"peers:\n  ssl_ca_certs: a\n  ssl_keyfile: b": `f.yml:3: peers.ssl_keyfile: needs peers.ssl_certfile beside it`,
		"peers:\n  timeout: 0s":                       `peers.timeout`,
		"peers:\n  stage_peers: talker=a:1":           `stage_peers: unknown`,
	} {
		if _, err := Parse("f.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v\nwant %s", text, err, want)
		}
	}
}
