package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/rules"
)

// programs are what the driver starts, as paths or names on the PATH.
type programs struct {
	limelight, prometheus, alertmanager, victoria, vmalert string
}

// room is a running stack: its directory, its processes and what can go wrong
// in it on command.
type room struct {
	dir       string
	programs  programs
	processes []*process

	front   string // URL of the server with embedded stages, some of them elsewhere
	relay   string // URL of the relay
	peer    map[string]*proxy
	backend map[string]*server
	hum     *voice
	hook    *hook

	prometheus, victoria, vmalert database
	alertmanager                  string              // URL
	targets                       map[string][]string // addresses by job
	rules                         rules.File

	dashboards string // their directory

	only    string // of the faults, those whose name holds this
	hold    bool   // leave everything running at the end
	report  report
	cleanup []func()
}

// server is a limelight that can be killed and started again at its address.
type server struct {
	name    string
	args    []string
	ready   string // URL that answers once it is there
	process *process
}

// prefixes of the omni families: that of the front, and that of the relay.
var prefixes = []string{"vllm:omni_", "vllm_omni:"}

// serve is a limelight server at an address.
func serve(name, address string, args ...string) *server {
	host, port, _ := strings.Cut(address, ":")
	return &server{
		name: name, ready: "http://" + address + "/ready",
		args: append([]string{"serve", "--log-stats", "--host", host, "--port", port}, args...),
	}
}

// stages is a process of stages for serve, whose metrics are at page.
func stages(name, stage, address, page string) *server {
	return &server{
		name: name, ready: "http://" + page + "/metrics",
		args: append([]string{"stage", "--stages", stage, "--listen", address, "--metrics-addr", page, "--log-stats"}, append(engineFlags, chunkFlags...)...),
	}
}

// engineFlags make the engine families of the options move.
var engineFlags = []string{"--enable-mfu-metrics", "--kv-cache-metrics", "--kv-cache-metrics-sample", "1"}

// chunkFlags make the first chunk so long, 1.28 s of sound, that a busy machine
// makes no gap after it. The next one is twice as long.
var chunkFlags = []string{"--initial-codec-chunk-frames", "16", "--codec-chunk-frames", "32"}

// open starts the servers: a front whose talker and code2wav run in three
// further processes behind proxies, and a relay with two servers that chat, one
// that speaks and the voice.
func (r *room) open(ctx context.Context) error {
	a, err := freePorts(11)
	if err != nil {
		return err
	}
	next := func() (address string) { address, a = a[0], a[1:]; return address }

	r.peer, r.backend, r.targets = map[string]*proxy{}, map[string]*server{}, map[string][]string{}
	var wait []*server
	front := []string{"--continuity-thresholds", "50ms", "--request-timeout", "5m"}
	for _, p := range []struct{ name, stage string }{{"talker-0", "talker"}, {"code2wav-0", "code2wav"}, {"code2wav-1", "code2wav"}} {
		address, page := next(), next()
		s := stages(p.name, p.stage, address, page)
		proxy, err := newProxy(address)
		if err != nil {
			return err
		}
		r.cleanup = append(r.cleanup, func() { _ = proxy.close() })
		r.peer[p.name], r.backend[p.name] = proxy, s
		front = append(front, "--stage-peer", p.stage+"="+proxy.address())
		r.targets[stageJob] = append(r.targets[stageJob], page)
		wait = append(wait, s)
	}
	relay := []string{"--metrics-prefix", prefixes[1], "--served-model-name", "relayed", "--config", "relay.yml"}
	for _, b := range []struct{ name, kind string }{{"chat-0", "chat"}, {"chat-1", "chat"}, {"speech-0", "speech"}} {
		address := next()
		s := serve(b.name, address, append(engineFlags, chunkFlags...)...)
		r.backend[b.name] = s
		relay = append(relay, "--backend", b.kind+"=http://"+address)
		wait = append(wait, s)
	}
	if r.hum, err = newVoice(); err != nil {
		return err
	}
	r.cleanup = append(r.cleanup, func() { _ = r.hum.server.Close() })
	relay = append(relay, "--backend", "speech="+r.hum.url)
	if err := r.write("relay.yml", "relay:\n  health_interval: 1s\n  health_timeout: 900ms\n"); err != nil {
		return err
	}
	if err := r.runAll(ctx, wait...); err != nil {
		return err
	}
	frontAddress, relayAddress := next(), next()
	r.front, r.relay = "http://"+frontAddress, "http://"+relayAddress
	r.targets[frontJob], r.targets[relayJob] = []string{frontAddress}, []string{relayAddress}
	return r.runAll(ctx, serve("front", frontAddress, append(front, engineFlags...)...), serve("relay", relayAddress, relay...))
}

// runAll starts servers side by side.
func (r *room) runAll(ctx context.Context, servers ...*server) error {
	var all sync.WaitGroup
	failed := make([]error, len(servers))
	for i, s := range servers {
		p, err := r.start(ctx, s.name, r.programs.limelight, s.args...)
		if err != nil {
			failed[i] = err
			break
		}
		s.process = p
		all.Go(func() { failed[i] = p.answers(ctx, s.ready) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// write makes a file of the room.
func (r *room) write(name, text string) error {
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// close ends everything, last things first.
func (r *room) close() {
	const grace = 3 * time.Second
	var all sync.WaitGroup
	for _, p := range slices.Backward(r.processes) {
		all.Go(func() { p.stop(grace) })
	}
	all.Wait()
	for _, f := range slices.Backward(r.cleanup) {
		f()
	}
}
