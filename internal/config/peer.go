package config

import (
	"fmt"
	"strings"
)

// ParsePeer takes an item of Peers.StagePeers apart.
func ParsePeer(s string) (stages []string, address string, err error) {
	names, address, ok := strings.Cut(s, "=")
	if !ok || names == "" || address == "" || hostPort(address) != nil {
		return nil, "", fmt.Errorf("must be STAGE,...=HOST:PORT, as talker,code2wav=10.0.0.2:9400, got %q", clip(s))
	}
	for name := range strings.SplitSeq(names, ",") {
		stages = append(stages, strings.TrimSpace(name))
	}
	return stages, address, nil
}

// stagePeer checks an item of Peers.StagePeers.
func (c *Config) stagePeer(s string) error {
	stages, _, err := ParsePeer(s)
	if err != nil {
		return err
	}
	for _, name := range stages {
		stage, err := c.stage(name)
		if err != nil {
			return err
		}
		if stage.Name != name {
			return fmt.Errorf("stage %s: a peer's stages go by name, not by id", name)
		}
	}
	return nil
}
