package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

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
