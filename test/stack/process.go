package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a program that the driver started. Its output goes to a file of
// the room.
type process struct {
	name    string
	command *exec.Cmd
	log     string
	ended   chan struct{} // closed when it has ended
	err     error         // how; good when ended is closed
	killed  bool          // by kill
}

// start runs a program in the room. It is killed when the context ends.
func (r *room) start(ctx context.Context, name, program string, args ...string) (*process, error) {
	path := filepath.Join(r.dir, name+".log")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", name, err)
	}
	defer file.Close()
	p := &process{name: name, log: path, ended: make(chan struct{})}
	p.command = exec.CommandContext(ctx, program, args...)
	p.command.Stdout, p.command.Stderr, p.command.Dir = file, file, r.dir
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	r.processes = append(r.processes, p)
	return p, nil
}

// kill ends the process at once, without a farewell.
func (p *process) kill() {
	p.killed = true
	_ = p.command.Process.Kill() // it fails only if the process has ended
	<-p.ended
}

// stop asks the process to end, and kills it when it takes longer than grace.
func (p *process) stop(grace time.Duration) {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(grace):
		p.kill()
	}
}

// running says whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// tail is the end of the process's output.
func (p *process) tail() string {
	const most = 2000
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(data[max(0, len(data)-most):]))
}

// answers waits until url answers with 200.
func (p *process) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 60*time.Second, fmt.Errorf("%s does not answer at %s", p.name, url))
	defer cancel()
	return poll(ctx, 50*time.Millisecond, func() (bool, error) {
		if !p.running() {
			return false, fmt.Errorf("%s ended (%v):\n%s", p.name, p.err, p.tail())
		}
		_, err := fetch(ctx, url)
		return err == nil, nil
	})
}

// poll calls done until it is true or fails, with a pause in between. Its error
// is the cause of ctx's end when that comes first.
func poll(ctx context.Context, pause time.Duration, done func() (bool, error)) error {
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// fetch reads what url answers; any status but 200 is an error.
func fetch(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %s", url, response.StatusCode, data)
	}
	return data, err
}

// freePorts finds n free ports of the loopback device, as 127.0.0.1:PORT.
func freePorts(n int) (addresses []string, err error) {
	var listeners []net.Listener
	for range n {
		l, failed := net.Listen("tcp", "127.0.0.1:0")
		if failed != nil {
			err = failed
			break
		}
		listeners = append(listeners, l)
		addresses = append(addresses, l.Addr().String())
	}
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	return addresses, err
}
