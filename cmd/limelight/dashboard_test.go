package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDashboardShowsSomebodyElsesPage(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	read := make(chan struct{}, 16)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# TYPE vllm_omni:num_requests_running gauge\nvllm_omni:num_requests_running{model_name=\"theirs\"} 3\n")
		read <- struct{}{}
	}))
	defer web.Close()
	ctx, cancel := context.WithCancel(t.Context())
	log := &lines{more: make(chan struct{}, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"dashboard", "--url", web.URL, "--listen", "127.0.0.1:0", "--interval", "250ms"}, log, log)
	}()
	address := log.find(ctx, `shown at (\S+)`)
	for state := ""; !strings.Contains(state, `"model":"theirs"`); {
		<-read
		r, err := http.Get(address + "/state")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		state = string(body)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d: %s", code, log)
	}
}

func TestDashboardRefusesWhatItCannotShow(t *testing.T) {
	for _, args := range [][]string{
		{"--url", "metrics.txt"}, {"--url", "http://x", "--interval", "1ms"}, {"--url", "http://x", "--objectives", "none.yml"}, {"--url", "http://x", "--listen", "nowhere"}, {},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), append([]string{"dashboard"}, args...), &out, &out); code == 0 || out.Len() == 0 {
			t.Errorf("%v: exit code %d, %s", args, code, &out)
		}
	}
}
