package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// wire is a server on a listener of its own, for clients that speak bytes.
type wire struct {
	*Server
	t       *testing.T
	address string
}

func onWire(t *testing.T, o Options) *wire {
	t.Helper()
	w := &wire{Server: configured(t, o), t: t}
	l, err := Listen(Address{Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	w.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- w.Serve(l) }()
	t.Cleanup(func() {
		w.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

// send writes raw bytes and reads the answer, and then until the server closes
// the connection.
func (w *wire) send(parts ...string) (status int, body string) {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	for _, p := range parts {
		if _, err := io.WriteString(conn, p); err != nil {
			break // the answer says why
		}
	}
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, ""
	}
	data, _ := io.ReadAll(answer.Body)
	_, _ = io.Copy(io.Discard, r) // a reset is as good an end as another
	return answer.StatusCode, string(data)
}

func TestClientThatDribblesIsCutOff(t *testing.T) {
	soon := 20 * time.Millisecond
	header := onWire(t, Options{Limits: Limits{HeaderTimeout: soon}})
	if status, _ := header.send("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nX-Slow: "); status != 0 {
		t.Errorf("a header without an end was answered with %d", status)
	}
	w := onWire(t, Options{Keys: []string{"k"}, Limits: Limits{BodyTimeout: soon}})
	const post = "POST %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n{\"mess"
	for path, c := range map[string]struct {
		key  string
		want int
	}{
		"/v1/chat/completions": {"k", 408}, "/v1/audio/speech": {"k", 408}, "/v1/models": {"wrong", 401}, "/nothing": {"k", 404},
	} {
		status, body := w.send(fmt.Sprintf(post, path, c.key))
		if status != c.want || !strings.Contains(body, `"error":{`) {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}
}

func TestHeaderWithoutBoundsIs431(t *testing.T) {
	w := onWire(t, Options{})
	many := func(n int) string {
		return "GET /health HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("a: b\r\n", n) + "\r\n"
	}
	if status, body := w.send(many(100_000)); status != 431 {
		t.Errorf("100,000 lines: status %d, %s", status, body)
	}
	if status, body := w.send(many(300)); status != 431 || !strings.Contains(body, "at most 256 are taken") {
		t.Errorf("300 lines: status %d, %s", status, body)
	}
	if status, body := w.send("GET /health HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"); status != 431 {
		t.Errorf("a line of 1 MiB: status %d, %s", status, body)
	}
}

// endless is a body that never ends; it counts what was taken of it.
type endless struct{ taken int64 }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, bytes.Repeat([]byte(" "), min(len(p), 32<<10)))
	e.taken += int64(n)
	return n, nil
}

func TestBodyOfAGigabyteIs413AndIsNotRead(t *testing.T) {
	w := onWire(t, Options{Limits: Limits{MaxBody: 1 << 20}})
	if status, body := w.send("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n{"); status != 413 || !strings.Contains(body, "larger than 1048576 bytes") {
		t.Errorf("declared: status %d, %s", status, body)
	}
	body := &endless{}
	r := httptest.NewRequest("POST", "/v1/audio/speech", body)
	r.ContentLength = -1
	answer := httptest.NewRecorder()
	w.Handler().ServeHTTP(answer, r)
	if answer.Code != 413 || body.taken > 2<<20 {
		t.Errorf("chunked: status %d, %d bytes were read", answer.Code, body.taken)
	}
	if n := w.bodies.Load(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}

func TestManyBodiesShareOneBound(t *testing.T) {
	s := configured(t, Options{Limits: Limits{MaxBody: 1 << 20, MaxBodies: 1 << 20}})
	body, feed := io.Pipe()
	slow := httptest.NewRequest("POST", "/v1/chat/completions", body)
	slow.ContentLength = -1
	done := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, slow)
		done <- w.Code
	}()
	if _, err := feed.Write(make([]byte, 600<<10)); err != nil { // returns when the server has it
		t.Fatal(err)
	}
	large := httptest.NewRecorder()
	s.Handler().ServeHTTP(large, httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(strings.Repeat(" ", 600<<10))))
	if large.Code != 503 || large.Header().Get("Retry-After") == "" {
		t.Errorf("the second large body: status %d, %s", large.Code, large.Body)
	}
	feed.Close()
	if code := <-done; code != 400 {
		t.Errorf("the first one: status %d", code)
	}
	if n := s.bodies.Load(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}

func TestInvalidUTF8IsRefusedOrReplaced(t *testing.T) {
	s := configured(t, Options{})
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}", 400},
		{"/v1/audio/speech", "{\"input\":\"a\xc3\"}", 400},
		{"/v1/%ff%fe", "{}", 404},
	} {
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
		r.Header.Set("X-Request-Id", "a\xffb")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if body := w.Body.String(); w.Code != c.want || strings.ContainsRune(w.Header().Get("X-Request-Id"), '\ufffd') || strings.ToValidUTF8(body, "") != body {
			t.Errorf("%s: status %d, id %q, %q", c.path, w.Code, w.Header().Get("X-Request-Id"), body)
		}
	}
}

// series are the names with labels on a page.
func series(s *Server) []string {
	found := map[string]bool{}
	for line := range strings.Lines(ask(s.Handler(), "GET", "/metrics").Body.String()) {
		if name, _, ok := strings.Cut(line, "} "); ok && !strings.HasPrefix(line, "#") {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestFloodOfNamesPathsAndMethodsAddsNoSeries(t *testing.T) {
	s := configured(t, Options{})
	flood := func(i int) {
		name := fmt.Sprintf("n%d", i)
		for _, c := range []struct{ method, path, body string }{
			{"POST", "/v1/chat/completions", `{"model":"` + name + `",` + hello + `}`},
			{"POST", "/v1/audio/speech", `{"input":"x","model":"` + name + `"}`},
			{"POST", "/v1/audio/speech", `{"input":"x","voice":"` + name + `"}`},
			{"GET", "/v1/" + name, ""},
			{"GET", "/" + name + "/" + name, ""},
			{"M" + name, "/v1/models", ""},
			{"GET", "/v1/models?" + name, ""},
		} {
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("X-Request-Id", name)
			r.Header.Set("User-Agent", name)
			r.Host = name
			s.Handler().ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	flood(0)
	before := series(s)
	for i := range 300 {
		flood(i + 1)
	}
	after := series(s)
	if !slices.Equal(before, after) {
		t.Errorf("%d series became %d", len(before), len(after))
	}
	if page := strings.Join(after, "\n"); strings.Contains(page, "n1") {
		t.Error("what a client sent is on the page")
	}
}
