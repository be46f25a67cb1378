package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
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

func TestCommandLineMistakesAreExit2AndFailuresExit1(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"serve", "--prot", "1"}, 2, "unknown flag: --prot; did you mean --port?"},
		{[]string{"serve", "a", "b"}, 2, "accepts at most 1 arg"},
		{[]string{"check"}, 2, "accepts 1 arg(s), received 0"},
		{[]string{"check", "no/page.txt"}, 1, "no/page.txt"},
		{[]string{"check", "testdata/bad-page.txt"}, 1, "testdata/bad-page.txt is not what the family table promises"},
		{[]string{"nothing"}, 2, `unknown command "nothing"`},
		{[]string{"serve", "no/model"}, 1, "models are not downloaded"},
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
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"version"}} {
		var stdout bytes.Buffer
		if code := run(t.Context(), args, &stdout, io.Discard); code != 0 || stdout.Len() == 0 {
			t.Errorf("%v: exit code %d, %q", args, code, stdout.String())
		}
	}
}
