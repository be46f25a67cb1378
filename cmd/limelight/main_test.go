package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a log that can be waited for.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// find waits until the log matches and returns the first group.
func (l *lines) find(ctx context.Context, pattern string) string {
	re := regexp.MustCompile(pattern)
	for {
		if m := re.FindStringSubmatch(l.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-l.more:
		case <-ctx.Done():
			return ""
		}
	}
}

func TestServeAnswersAndDrainsOnASignal(t *testing.T) {
	ctx, signal := context.WithCancel(t.Context()) // cancelling stands for SIGTERM
	log := &lines{more: make(chan struct{}, 1)}
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"serve", "--host", "127.0.0.1", "--port", "0", "--replicas", "thinker=1,talker=2", "--default-modalities", "text,audio"}, io.Discard, log)
	}()
	url := log.find(t.Context(), `address=(http://\S+)`)
	if !strings.Contains(log.String(), "statistics are off") || !strings.Contains(log.String(), "noise by design") || !strings.Contains(log.String(), "thinker=1,talker=2,code2wav=1") {
		t.Errorf("log:\n%s", log)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	r, err := client.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(`{"stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	signal() // the request is running: it has to finish all the same
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) || !bytes.Contains(body, []byte(`"modality":"audio"`)) {
		t.Errorf("%v: the reply ends with %q", err, body[max(0, len(body)-40):])
	}
	if code := <-done; code != 0 {
		t.Errorf("exit code %d\n%s", code, log)
	}
	if !strings.Contains(log.String(), "msg=stopped") {
		t.Errorf("log:\n%s", log)
	}
}

func TestServeFromAFileWithASocketAKeyAndMetricsApart(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "limelight.yml"), filepath.Join(dir, "s")
	text := "server: {uds: " + socket + ", api_key: sesame}\nmetrics: {log_stats: true, addr: '127.0.0.1:0'}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, signal := context.WithCancel(t.Context())
	log := &lines{more: make(chan struct{}, 1)}
	done := make(chan int)
	go func() { done <- run(ctx, []string{"serve", "--config", file}, io.Discard, log) }()
	metrics := log.find(t.Context(), `metrics=(http://\S+)`)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "socket:") {
			network, address = "unix", socket
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	client := &http.Client{Transport: transport}
	for _, c := range []struct {
		url, key string
		want     int
	}{
		{"http://socket/v1/models", "", 401}, {"http://socket/v1/models", "sesame", 200},
		{"http://socket/metrics", "", 404}, {metrics, "", 200},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.key)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("%s with key %q: status %d, want %d", c.url, c.key, answer.StatusCode, c.want)
		}
	}
	transport.CloseIdleConnections()
	signal()
	if code := <-done; code != 0 || strings.Contains(log.String(), "sesame") {
		t.Errorf("exit code %d\n%s", code, log)
	}
}

func TestCommandLineMistakesAreExit2AndFailuresExit1(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"serve", "--prot", "1"}, 2, "unknown flag: --prot; did you mean --port?"},
		{[]string{"serve", "a", "b"}, 2, "accepts at most 1 arg"},
		{[]string{"check"}, 2, "one URL or FILE is needed"},
		{[]string{"check", "--self", "page.txt"}, 2, "--self takes no page"},
		{[]string{"check", "no/page.txt"}, 1, "no/page.txt"},
		{[]string{"check", "testdata/bad-page.txt"}, 1, "testdata/bad-page.txt is not what the family table promises"},
		{[]string{"say", "hello"}, 2, "--output must say which file"},
		{[]string{"say", " ", "-o", "-"}, 2, "the text is empty"},
		{[]string{"say", "hello", "-o", "-", "--url", "localhost:8000"}, 2, "must be a URL such as"},
		{[]string{"say", "hello", "-o", "no/such/directory.wav"}, 1, "no such file or directory"},
		{[]string{"say", "hello", "-o", "-", "--model", "no/model"}, 1, "models are not downloaded"},
		{[]string{"nothing"}, 2, `unknown command "nothing"`},
		{[]string{"stage"}, 2, "--stages must say which"},
		{[]string{"stage", "--stages", "voice", "--listen", "127.0.0.1:0"}, 1, `unknown stage "voice"`},
		{[]string{"stage", "--stages", "talker", "--port", "1"}, 2, "unknown flag: --port"},
		{[]string{"stage", "--stages", "talker", "--ssl-certfile", "x"}, 1, "both a certificate and its key"},
		{[]string{"serve", "no/model", "--host", "127.0.0.1", "--port", "0"}, 1, "models are not downloaded"},
		{[]string{"serve", "--replicas", "voice=1"}, 2, "unknown stage"},
		{[]string{"serve", "--max_num_seq", "1"}, 2, "did you mean --max-num-seqs?"},
		{[]string{"serve", "--tensor_parallel_size", "2"}, 2, "unknown flag: --tensor_parallel_size: a flag of vLLM; a replica is one process here"},
		{[]string{"serve", "--port", "70000"}, 2, "must be at most 65535, got 70000"},
		{[]string{"serve", "--config", "testdata/none.yml"}, 1, "no such file"},
		{[]string{"serve", "--config", "testdata/wrong.yml"}, 1, "testdata/wrong.yml:3: server.prot: unknown key; did you mean port?\n"},
		{[]string{"config", "check", "testdata/wrong.yml"}, 1, "testdata/wrong.yml:2: max_num_seqs: must be at least 1, got 0\ntestdata/wrong.yml:3: server.prot: unknown key; did you mean port?\n"},
		{[]string{"config", "check"}, 2, "accepts 1 arg"},
		{[]string{"config", "show", "--log-stats=maybe"}, 2, "must be true or false"},
		{[]string{"serve", "--host", "256.0.0.1"}, 1, "listen"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), c.args, io.Discard, &stderr); code != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%v: exit code %d, %q", c.args, code, stderr.String())
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"version"}, {"check", "--self"}} {
		var stdout bytes.Buffer
		if code := run(t.Context(), args, &stdout, io.Discard); code != 0 || stdout.Len() == 0 {
			t.Errorf("%v: exit code %d, %q", args, code, stdout.String())
		}
	}
}

func TestServeUsesStagesOfAnotherProcessAndBothDrainOnASignal(t *testing.T) {
	start := func(args ...string) (signal func(), log *lines, done chan int) {
		ctx, cancel := context.WithCancel(t.Context()) // cancelling stands for SIGTERM
		log = &lines{more: make(chan struct{}, 1)}
		done = make(chan int)
		go func() { done <- run(ctx, args, io.Discard, log) }()
		return cancel, log, done
	}
	stop, stage, stageDone := start("stage", "--listen", "127.0.0.1:0", "--stages", "talker,code2wav", "--replicas", "talker=2", "--log-stats", "--metrics-addr", "127.0.0.1:0")
	at := stage.find(t.Context(), `msg=ready address=(\S+) stages="?talker=2,code2wav=1"?`)
	engines := stage.find(t.Context(), `metrics=(http://\S+)`)
	signal, log, done := start("serve", "--host", "127.0.0.1", "--port", "0", "--log-stats", "--stage-peer", "talker,code2wav="+at)
	url := log.find(t.Context(), `msg=ready address=(http://\S+)`)
	if !strings.Contains(log.String(), "thinker=1,talker=2,code2wav=1") {
		t.Errorf("log:\n%s", log)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	if r, err := client.Post(url+"/v1/audio/speech", "application/json", strings.NewReader(`{"input":"hear this","max_new_tokens":4}`)); err != nil || r.StatusCode != 200 {
		t.Fatal(r, err)
	} else {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	for _, page := range []string{engines, url + "/metrics"} { // the peer tells, and serve asks it
		r, err := client.Get(page)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r.Body)
		r.Body.Close()
		finished := strings.Count(string(text), `vllm:e2e_request_latency_seconds_count{model_name="limelight-tiny",replica="0",stage="1"} 1`) +
			strings.Count(string(text), `vllm:e2e_request_latency_seconds_count{model_name="limelight-tiny",replica="1",stage="1"} 1`)
		if finished != 1 {
			t.Errorf("%s: %d talkers have finished a request", page, finished)
		}
	}
	r, err := client.Post(url+"/v1/audio/speech", "application/json", strings.NewReader(`{"input":"hear this","response_format":"pcm","stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	stop() // the speech is being made there
	if pcm, err := io.ReadAll(r.Body); err != nil || r.StatusCode != 200 || len(pcm) == 0 {
		t.Errorf("status %d, %d bytes, %v", r.StatusCode, len(pcm), err)
	}
	r.Body.Close()
	if code := <-stageDone; code != 0 || !strings.Contains(stage.String(), "msg=stopped") {
		t.Errorf("stage: exit code %d\n%s", code, stage)
	}
	r, err = client.Post(url+"/v1/audio/speech", "application/json", strings.NewReader(`{"input":"hear this"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if r.StatusCode != 503 || !strings.Contains(string(body), "stage talker: stage has no live replica") {
		t.Errorf("without its peer: status %d, %s", r.StatusCode, body)
	}
	signal()
	if code := <-done; code != 0 {
		t.Errorf("serve: exit code %d\n%s", code, log)
	}
}
