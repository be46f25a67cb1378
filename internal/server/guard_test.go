package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/pipeline"
)

// ask sends one request to a handler.
func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(""))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// configured is a server of the built-in model with options of its own.
func configured(t *testing.T, o Options) *Server {
	t.Helper()
	p, err := pipeline.New(pipeline.Options{LogStats: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	o.Orchestrator, o.Model, o.Metrics = p.Orchestrator, p.Frontend, p.Metrics
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return New(o)
}

func TestKeyGuardsTheAPIAndTheProfilesAndNothingElse(t *testing.T) {
	var log bytes.Buffer
	s := configured(t, Options{Keys: []string{"right", "also-right"}, Pprof: true, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for _, c := range []struct {
		method, path, auth string
		want               int
	}{
		{"GET", "/v1/models", "", 401},
		{"GET", "/v1/models", "Bearer wrong", 401},
		{"GET", "/v1/models", "Bearer ", 401},
		{"GET", "/v1/models", "Basic right", 401},
		{"GET", "/v1/models", "right", 401},
		{"GET", "/v1/models", "Bearer right", 200},
		{"GET", "/v1/models", "bearer also-right", 200},
		{"POST", "/v1/chat/completions", "", 401},
		{"POST", "/v1/audio/speech", "Bearer righ", 401},
		{"GET", "/v1/secret", "", 401},
		{"GET", "/v1/secret", "Bearer right", 404},
		{"DELETE", "/v1/models", "", 401},
		{"GET", "/debug/pprof/", "", 401},
		{"GET", "/debug/pprof/cmdline", "Bearer right", 200},
		{"GET", "/health", "", 200},
		{"GET", "/ready", "", 200},
		{"GET", "/version", "", 200},
		{"GET", "/metrics", "", 200},
		{"GET", "/", "", 200},
		{"GET", "/nothing", "", 404},
	} {
		w := ask(s.Handler(), c.method, c.path, "Authorization", c.auth)
		if w.Code != c.want {
			t.Errorf("%s %s with %q: status %d, want %d", c.method, c.path, c.auth, w.Code, c.want)
		}
		if body := w.Body.String(); w.Code == 401 && (!strings.Contains(body, `"type":"AuthenticationError"`) || w.Header().Get("WWW-Authenticate") != "Bearer" || strings.Contains(body, "righ")) {
			t.Errorf("%s %s: %v %s", c.method, c.path, w.Header(), body)
		}
	}
	if strings.Contains(log.String(), "right") || strings.Contains(log.String(), "wrong") {
		t.Errorf("a key is in the log:\n%s", log.String())
	}
}

func TestServerIsReadyFromBeginUntilItDrains(t *testing.T) {
	s := New(Options{Log: slog.New(slog.DiscardHandler), Apart: true})
	want := func(path string, status int, body string) {
		t.Helper()
		w := ask(s.Handler(), "GET", path)
		if w.Code != status || !strings.Contains(w.Body.String(), body) || status == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: status %d, %s", path, w.Code, w.Body)
		}
	}
	want("/health", 200, "healthy")
	want("/version", 200, Version())
	want("/ready", 503, "starting")
	want("/v1/models", 503, "the server is starting; try again")
	if w := ask(s.watch.Handler, "GET", "/ready"); w.Code != 503 {
		t.Errorf("on the metrics listener: %d", w.Code)
	}
	p, err := pipeline.New(pipeline.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s.Begin(p.Orchestrator, p.Frontend, p.Metrics)
	want("/ready", 200, "ready")
	want("/v1/models", 200, "limelight-tiny")
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("/ready", 503, "draining")
	want("/health", 200, "healthy")
}

func TestStageWithoutALiveReplicaIsNotReady(t *testing.T) {
	s := configured(t, Options{})
	talker := s.orch.Stages()[pipeline.Talker]
	for _, up := range []bool{false, true} {
		talker.SetUp(0, up)
		w := ask(s.Handler(), "GET", "/ready")
		if ready := w.Code == 200; ready != up || !up && !strings.Contains(w.Body.String(), "stage talker: stage has no live replica") {
			t.Errorf("up %v: status %d, %s", up, w.Code, w.Body)
		}
	}
}

func TestMetricsListenerTakesThePageAndTheProfilesAway(t *testing.T) {
	together := configured(t, Options{Pprof: true})
	apart := configured(t, Options{Pprof: true, Apart: true})
	for path, want := range map[string][3]int{ // together, apart: main, apart: metrics
		"/metrics":            {200, 404, 200},
		"/debug/pprof/symbol": {200, 404, 200},
		"/health":             {200, 200, 200},
		"/ready":              {200, 200, 200},
		"/version":            {200, 200, 200},
		"/v1/models":          {200, 200, 404},
		"/":                   {200, 200, 200},
	} {
		got := [3]int{ask(together.Handler(), "GET", path).Code, ask(apart.Handler(), "GET", path).Code, ask(apart.watch.Handler, "GET", path).Code}
		if got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if w := ask(configured(t, Options{}).Handler(), "GET", "/debug/pprof/"); w.Code != 404 {
		t.Errorf("profiles that nobody asked for: %d", w.Code)
	}
}

func TestLandingPageLinksOnlyWhatExists(t *testing.T) {
	s := configured(t, Options{RootPath: "/omni", Apart: true})
	for _, path := range []string{"/", "/omni/"} {
		w := ask(s.Handler(), "GET", path)
		page := w.Body.String()
		if w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(page, "limelight-tiny") || strings.Contains(page, "/metrics") {
			t.Errorf("%s: %s", path, page)
		}
		links := 0
		for _, part := range strings.Split(page, `href="`)[1:] {
			link, _, _ := strings.Cut(part, `"`)
			if w := ask(s.Handler(), "GET", path+link); w.Code != 200 {
				t.Errorf("%s links %s, which is %d", path, link, w.Code)
			}
			links++
		}
		if links < 4 {
			t.Errorf("%d links", links)
		}
	}
}

func TestRootPathIsTakenOffAndNotNeeded(t *testing.T) {
	s := configured(t, Options{RootPath: "/omni"})
	for path, want := range map[string]int{"/omni/v1/models": 200, "/v1/models": 200, "/omni/health": 200, "/omnivore/health": 404, "/omni": 404} {
		if w := ask(s.Handler(), "GET", path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	page := ask(s.Handler(), "GET", "/metrics").Body.String()
	if !strings.Contains(page, `http_requests_total{handler="/v1/models",method="GET",status="2xx"} 2`) {
		t.Error("the two requests of /v1/models are not under one handler")
	}
}

func TestOriginsThatAreAllowed(t *testing.T) {
	s := configured(t, Options{Origins: []string{"https://good.example"}, Keys: []string{"k"}})
	preflight := func(origin string) http.Header {
		return ask(s.Handler(), "OPTIONS", "/v1/chat/completions", "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type").Header()
	}
	if h := preflight("https://good.example"); h.Get("Access-Control-Allow-Origin") != "https://good.example" || h.Get("Access-Control-Allow-Headers") == "" {
		t.Errorf("%v", h)
	}
	if h := preflight("https://bad.example"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", h)
	}
	if h := ask(s.Handler(), "GET", "/health", "Origin", "https://good.example").Header(); h.Get("Access-Control-Allow-Origin") != "https://good.example" {
		t.Errorf("%v", h)
	}
	if h := ask(configured(t, Options{}).Handler(), "GET", "/health", "Origin", "https://good.example").Header(); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without origins: %v", h)
	}
}

func TestModelAnswersToEveryNameItIsServedBy(t *testing.T) {
	s := configured(t, Options{Names: []string{"second"}})
	for name, want := range map[string]int{"limelight-tiny": 200, "second": 200, "third": 404} {
		r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"max_tokens":1,"model":"`+name+`",`+hello+`}`))
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// certificate writes a self-signed pair for 127.0.0.1.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(certPEM)
	for file, data := range map[string][]byte{certFile: certPEM, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, pool
}

func TestTLSSpeaksHTTP2AndStreams(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	if _, err := Listen(Address{Host: "127.0.0.1", CertFile: keyFile, KeyFile: keyFile}); err == nil {
		t.Error("a key was taken for a certificate")
	}
	l, err := Listen(Address{Host: "127.0.0.1", CertFile: certFile, KeyFile: keyFile})
	if err != nil {
		t.Fatal(err)
	}
	s := configured(t, Options{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool}}
	r, err := (&http.Client{Transport: transport}).Post("https://"+l.Addr().String()+"/v1/chat/completions", "application/json", strings.NewReader(`{"stream":true,"modalities":["text","audio"],`+hello+`}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || r.ProtoMajor != 2 || !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) {
		t.Errorf("%s, %v, %.200s", r.Proto, err, body)
	}
	transport.CloseIdleConnections()
	if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
		t.Error(err)
	}
}

func TestHTTP2ClientThatReadsNothingIsCutAndCountsAsAbort(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	l, err := Listen(Address{Host: "127.0.0.1", CertFile: certFile, KeyFile: keyFile})
	if err != nil {
		t.Fatal(err)
	}
	log := &watched{line: make(chan string, 8)}
	s := configured(t, Options{Limits: Limits{WriteTimeout: 20 * time.Millisecond}, Log: slog.New(slog.NewTextHandler(log, nil))})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	transport := &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool},
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 16}, // what is sent before anything is read
	}
	r, err := (&http.Client{Transport: transport}).Post("https://"+l.Addr().String()+"/v1/chat/completions", "application/json",
		strings.NewReader(`{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"sampling_params_list":[{},{"ignore_eos":true},{}],`+hello+`}`))
	if err == nil { // on a busy machine the client may be cut before it has the header
		defer r.Body.Close()
		if r.ProtoMajor != 2 {
			t.Errorf("protocol %s", r.Proto)
		}
	}
	if line := log.next(t.Context(), "msg=request"); !strings.Contains(line, "reason=abort") {
		t.Errorf("log: %s", line)
	}
	transport.CloseIdleConnections()
	if err := errors.Join(s.Close(), <-served); err != nil {
		t.Error(err)
	}
}

func TestSocketOfADeadProcessIsReplacedAndALiveOneIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l, err := Listen(Address{UDS: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(Address{UDS: path}); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("%v", err)
	}
	s := configured(t, Options{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) }}
	r, err := (&http.Client{Transport: transport}).Get("http://socket/health")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	transport.CloseIdleConnections()
	if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil || r.StatusCode != 200 {
		t.Errorf("%d, %v", r.StatusCode, err)
	}
	plain := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(Address{UDS: plain}); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("%v", err)
	}
}
