package benchmarks

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/pipeline"
	"github.com/limelight-omni/limelight/internal/server"
)

// epoch is what upstream and clients, which are one process, count time from.
var epoch = time.Now()

func stamp() string { return strconv.FormatInt(int64(time.Since(epoch)), 10) }

// upstream is a chat server that answers at once: a whole reply, or chunks with
// the time they left, paced as the X-Pace header of the model's name says.
func upstream(b *testing.B) string {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" {
			fmt.Fprint(w, `{"data":[{"id":"m"}]}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		chunks, pace := 1, time.Duration(0)
		switch {
		case bytes.Contains(body, []byte(`"paced"`)):
			chunks, pace = 50, 10*time.Millisecond
		case bytes.Contains(body, []byte(`"burst"`)):
			chunks = 64
		case !bytes.Contains(body, []byte(`"stream":true`)):
			fmt.Fprint(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		flusher := w.(http.Flusher)
		for i := range chunks {
			if i > 0 && pace > 0 {
				time.Sleep(pace)
			}
			fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"t%s \"}}]}\n\n", stamp())
			flusher.Flush()
		}
		fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	b.Cleanup(web.Close)
	return web.URL
}

// ways are the ways to the upstream, by name: straight, and through proxies.
func ways(b *testing.B) map[string]string {
	up := upstream(b)
	target, err := url.Parse(up)
	if err != nil {
		b.Fatal(err)
	}
	all := map[string]string{"direct": up}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 2048}
	proxy.FlushInterval = -1
	reverse := httptest.NewServer(proxy)
	b.Cleanup(reverse.Close)
	all["ReverseProxy"] = reverse.URL
	if address, ok := nginx(b, target.Host); ok {
		all["nginx"] = address
	}
	for name, stats := range map[string]bool{"Limelight": true, "stats-off": false} {
		log := slog.New(slog.DiscardHandler)
		r, err := pipeline.NewRelay(context.Background(), pipeline.RelayOptions{
			Backends: []pipeline.Backend{{Kind: "chat", URL: up}}, MaxInFlight: 4096, MaxQueue: 8192, HealthInterval: -1, LogStats: stats, Log: log,
		})
		if err != nil {
			b.Fatal(err)
		}
		s := server.New(server.Options{Log: log})
		s.BeginRelay(r.Orchestrator, r, r.Metrics)
		web := httptest.NewServer(s.Handler())
		b.Cleanup(func() {
			web.Close()
			r.Close()
		})
		all[name] = web.URL
	}
	return all
}

// nginx runs Debian's nginx in front of the upstream, if it is there.
func nginx(b *testing.B, upstream string) (string, bool) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return "", false
	}
	dir := b.TempDir()
	free := httptest.NewServer(nil)
	address := strings.TrimPrefix(free.URL, "http://")
	free.Close()
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; worker_processes 2; pid %[1]s/pid; error_log %[1]s/error;
events { worker_connections 8192; }
http { access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
client_max_body_size 10m; client_body_buffer_size 1m; keepalive_requests 1000000;
upstream up { server %[2]s; keepalive 2048; keepalive_requests 1000000; }
server { listen %[3]s backlog=4096; location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }`, dir, upstream, address)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "-c", conf, "-p", dir)
	if err := cmd.Start(); err != nil {
		return "", false
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 100 {
		if r, err := http.Get("http://" + address + "/v1/models"); err == nil {
			r.Body.Close()
			return "http://" + address, true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", false
}

// order is that of the turns; stats-off is Limelight without statistics.
var order = []string{"direct", "ReverseProxy", "nginx", "Limelight", "stats-off"}

// turn is what one contender did in one turn.
type turn struct {
	rate     float64 // of what was done, a second
	p50, p99 time.Duration
	failed   int // of what was to be done
}

// inTurns lets the contenders do the same work one after the other, again and
// again, and reports the best that each reached: on a machine that others use it
// is the least disturbed, and no contender has another minute than the others.
// What failed in any turn is reported, too.
func inTurns(b *testing.B, all map[string]string, what string, work func(address string) turn) {
	best := map[string]*turn{}
	for b.Loop() {
		for _, name := range order {
			address, ok := all[name]
			if !ok {
				continue
			}
			t := work(address)
			if best[name] == nil {
				best[name] = &t
				continue
			}
			o := best[name]
			o.rate, o.p50, o.p99, o.failed = max(o.rate, t.rate), min(o.p50, t.p50), min(o.p99, t.p99), o.failed+t.failed
		}
	}
	b.ReportMetric(0, "ns/op") // a round of all of them says nothing
	for name, t := range best {
		b.ReportMetric(t.rate, name+"-"+what+"/s")
		if t.p50 > 0 {
			b.ReportMetric(float64(t.p50)/1e3, name+"-p50-us")
			b.ReportMetric(float64(t.p99)/1e3, name+"-p99-us")
		}
		if t.failed > 0 {
			b.ReportMetric(float64(t.failed), name+"-failed")
		}
	}
}

// crowd does n jobs, at at a time.
func crowd(n, at int, job func() ([]time.Duration, error)) turn {
	var mu sync.Mutex
	var seen []time.Duration
	var t turn
	var work sync.WaitGroup
	jobs := make(chan struct{}, n)
	for range n {
		jobs <- struct{}{}
	}
	close(jobs)
	began := time.Now()
	for range at {
		work.Go(func() {
			for range jobs {
				took, err := job()
				mu.Lock()
				if seen = append(seen, took...); err != nil {
					t.failed++
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	t.rate = float64(n-t.failed) / time.Since(began).Seconds()
	slices.Sort(seen)
	if n := len(seen); n > 0 {
		t.p50, t.p99 = seen[n/2], seen[n*99/100]
	}
	return t
}

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2048, DisableCompression: true}}
}

func request(kind string, size int) string {
	return fmt.Sprintf(`{"model":"m",%s"messages":[{"role":"user","content":"%s"}]}`, kind, strings.Repeat("x", size))
}

// BenchmarkUnary posts whole requests with bodies of 1 KB and 220 KB, one at a
// time and 64 at a time.
func BenchmarkUnary(b *testing.B) {
	all := ways(b)
	for _, size := range []int{1 << 10, 220 << 10} {
		for _, at := range []int{1, 64} {
			b.Run(fmt.Sprintf("%dKB/at=%d", size>>10, at), func(b *testing.B) {
				c, body := client(), request("", size)
				inTurns(b, all, "req", func(address string) turn {
					return crowd(4*max(at, 16), at, func() ([]time.Duration, error) {
						began := time.Now()
						r, err := c.Post(address+"/v1/chat/completions", "application/json", strings.NewReader(body))
						if err != nil {
							return nil, err
						}
						defer r.Body.Close()
						if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
							return nil, fmt.Errorf("%s, %v", r.Status, err)
						}
						return []time.Duration{time.Since(began)}, nil
					})
				})
			})
		}
	}
}

// stream reads one stream and returns how long each chunk was on its way.
func stream(c *http.Client, address, body string) ([]time.Duration, error) {
	r, err := c.Post(address+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	var delays []time.Duration
	lines := bufio.NewReader(r.Body)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return delays, nil
		}
		if err != nil {
			return nil, err
		}
		now := time.Since(epoch)
		if _, rest, ok := strings.Cut(line, `"content":"t`); ok {
			text, _, _ := strings.Cut(rest, " ")
			left, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, err
			}
			delays = append(delays, now-time.Duration(left))
		}
	}
}

// BenchmarkChunks is the way of one chunk of a paced stream, fifty of them 10 ms
// apart, with 1, 64 and 1,000 streams at a time.
func BenchmarkChunks(b *testing.B) {
	all := ways(b)
	for _, at := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("at=%d", at), func(b *testing.B) {
			c, body := client(), request(`"stream":true,"user":"paced",`, 100)
			inTurns(b, all, "streams", func(address string) turn {
				return crowd(at, at, func() ([]time.Duration, error) { return whole(c, address, body, 50) })
			})
		})
	}
}

// BenchmarkBursts is streams of 64 chunks back to back, eight at a time.
func BenchmarkBursts(b *testing.B) {
	all := ways(b)
	c, body := client(), request(`"stream":true,"user":"burst",`, 100)
	inTurns(b, all, "streams", func(address string) turn {
		return crowd(64, 8, func() ([]time.Duration, error) {
			_, err := whole(c, address, body, 64)
			return nil, err
		})
	})
}

// whole is stream, whose chunks have to be n.
func whole(c *http.Client, address, body string, n int) ([]time.Duration, error) {
	delays, err := stream(c, address, body)
	if err == nil && len(delays) != n {
		err = fmt.Errorf("%d chunks of %d", len(delays), n)
	}
	return delays, err
}
