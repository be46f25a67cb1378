package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/connector"
	"github.com/limelight-omni/limelight/internal/pipeline"
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

// oneConn is a listener of one connection that is a pipe: a write to it waits
// until the other end reads, so a client that does not read stalls the server
// at the first byte.
type oneConn struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error   { close(l.done); return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func TestClientThatReadsNothingIsCutAndCountsAsAbort(t *testing.T) {
	for name, body := range map[string]string{
		"/v1/chat/completions": `{"stream":true,"ignore_eos":true,"max_tokens":500,` + hello + `}`,
		"/v1/audio/speech":     `{"input":"we can hear it","stream":true,"response_format":"pcm"}`,
	} {
		t.Run(name, func(t *testing.T) {
			log := &watched{line: make(chan string, 8)}
			s := configured(t, Options{Limits: Limits{WriteTimeout: 20 * time.Millisecond}, Log: slog.New(slog.NewTextHandler(log, nil))})
			near, far := net.Pipe()
			l := &oneConn{conns: make(chan net.Conn, 1), done: make(chan struct{})}
			l.conns <- far
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			fmt.Fprintf(near, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", name, len(body), body)
			if line := log.next(t.Context(), "msg=request"); !strings.Contains(line, "reason=abort") {
				t.Errorf("log: %s", line)
			}
			near.Close()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			<-served
			if page := ask(s.Handler(), "GET", "/metrics").Body.String(); !strings.Contains(page, `vllm:omni_requests_success_total{finished_reason="abort",model_name="limelight-tiny"} 1`) {
				t.Error("the page does not count the abort")
			}
		})
	}
}

// watched is a log whose lines can be waited for.
type watched struct{ line chan string }

func (w *watched) Write(p []byte) (int, error) {
	w.line <- string(p)
	return len(p), nil
}

func (w *watched) next(ctx context.Context, part string) string {
	for {
		select {
		case line := <-w.line:
			if strings.Contains(line, part) {
				return line
			}
		case <-ctx.Done():
			return "no line with " + part
		}
	}
}

// deadlined is a ResponseWriter that keeps the deadlines it was given.
type deadlined struct {
	http.ResponseWriter
	deadlines []time.Time
	writes    []int
}

func (d *deadlined) SetWriteDeadline(at time.Time) error {
	d.deadlines = append(d.deadlines, at)
	return nil
}

func (d *deadlined) Write(p []byte) (int, error) {
	d.writes = append(d.writes, len(p))
	return d.ResponseWriter.Write(p)
}

func TestEveryPieceOfAReplyHasADeadlineOfItsOwn(t *testing.T) {
	for _, perStream := range []bool{false, true} {
		d := &deadlined{ResponseWriter: httptest.NewRecorder()}
		r := &response{ResponseWriter: d, timeout: time.Minute, perStream: perStream}
		n, err := r.Write(make([]byte, 2*writePiece+1))
		if n != 2*writePiece+1 || err != nil || !slices.Equal(d.writes, []int{writePiece, writePiece, 1}) {
			t.Errorf("%d, %v, writes %v", n, err, d.writes)
		}
		set, lifted := 0, 0
		for _, at := range d.deadlines {
			if at.IsZero() {
				lifted++
			} else {
				set++
			}
		}
		if set != 3 || (lifted == 3) != perStream {
			t.Errorf("%d deadlines, %d of them lifted (per stream: %v)", set, lifted, perStream)
		}
	}
}

func TestStreamsBeyondTheBoundAre503(t *testing.T) {
	s := configured(t, Options{Limits: Limits{MaxStreams: 1}})
	handled := make(chan struct{}, 4)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { handled <- struct{}{} }()
		s.Handler().ServeHTTP(w, r)
	}))
	defer web.Close()
	post := func(body string) *http.Response {
		t.Helper()
		r, err := web.Client().Post(web.URL+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	long := `{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"sampling_params_list":[{},{"ignore_eos":true},{}],` + hello + `}`
	first := post(long)
	if _, err := first.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	second := post(long)
	second.Body.Close()
	<-handled
	if second.StatusCode != 503 || second.Header.Get("Retry-After") == "" {
		t.Errorf("the second stream: status %d", second.StatusCode)
	}
	whole := post(`{"max_tokens":1,` + hello + `}`)
	whole.Body.Close()
	<-handled
	if whole.StatusCode != 200 {
		t.Errorf("a whole reply: status %d", whole.StatusCode)
	}
	first.Body.Close()
	<-handled
	third := post(`{"stream":true,"max_tokens":1,` + hello + `}`)
	third.Body.Close()
	if third.StatusCode != 200 {
		t.Errorf("after the first stream ended: status %d", third.StatusCode)
	}
	<-handled
}

func TestFullQueueIs503WithRetryAfter(t *testing.T) {
	// Nothing comes over the first hop, so that the thinker can not finish, however
	// quick it is.
	h := serve(t, pipeline.Options{MaxNumSeqs: 1, MaxQueue: 1, Connector: func(_ int, c connector.Connector) connector.Connector {
		return hold{Connector: c, released: make(chan struct{})}
	}})
	long := `{"stream":true,"modalities":["text","audio"],"ignore_eos":true,"max_tokens":400,` + hello + `}`
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	first, err := h.post(ctx, "/v1/chat/completions", "", long)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Body.Close()
	// Of two more, one waits in the queue and the other finds it full.
	answers := make(chan *http.Response, 2)
	for range 2 {
		go func() {
			r, _ := h.post(ctx, "/v1/chat/completions", "", long)
			answers <- r
		}()
	}
	refused := <-answers
	body, err := io.ReadAll(refused.Body)
	refused.Body.Close()
	if err != nil || refused.StatusCode != 503 || refused.Header.Get("Retry-After") == "" || !bytes.Contains(body, []byte("queue is full")) {
		t.Errorf("status %d, %v, %s, %v", refused.StatusCode, refused.Header, body, err)
	}
	leave()
	if r := <-answers; r != nil {
		t.Errorf("the one that waited got status %d", r.StatusCode)
	}
}
