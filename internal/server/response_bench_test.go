package server

import (
	"net"
	"net/http"
	"testing"
	"time"
)

// onConn is a ResponseWriter straight on a connection.
type onConn struct {
	net.Conn
	header http.Header
}

func (c onConn) Header() http.Header { return c.header }
func (c onConn) WriteHeader(int)     {}
func (c onConn) Flush()              {}

// BenchmarkWrite sends one event over a loopback connection, with and without a
// deadline of its own.
func BenchmarkWrite(b *testing.B) {
	for name, timeout := range map[string]time.Duration{"deadline": time.Minute, "none": 0} {
		b.Run(name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go func() {
				near, err := l.Accept()
				if err != nil {
					return
				}
				defer near.Close()
				buf := make([]byte, 1<<20)
				for {
					if _, err := near.Read(buf); err != nil {
						return
					}
				}
			}()
			far, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer far.Close()
			r := &response{ResponseWriter: onConn{far, http.Header{}}, timeout: timeout}
			event := make([]byte, 300)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Write(event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
