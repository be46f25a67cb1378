package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// proxy passes TCP connections on to one address and can make the way there
// slow or narrow. It stands between serve and a process of stages.
type proxy struct {
	listener net.Listener
	target   string
	to, from way // towards the target and back
	work     sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	open   map[net.Conn]bool
	closed bool
}

// newProxy listens on a free port of the loopback device.
func newProxy(target string) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, target: target, open: map[net.Conn]bool{}}
	p.work.Go(p.accept)
	return p, nil
}

// address is what to connect to in place of the target.
func (p *proxy) address() string { return p.listener.Addr().String() }

// slow lets every byte travel for d each way, however many there are; 0 makes
// the ways as they were at first. Both ways take as
// long, since the measured time in flight supposes it (docs/connector.md).
func (p *proxy) slow(d time.Duration) {
	p.to.set(condition{delay: d})
	p.from.set(condition{delay: d})
}

// lag lets every byte travel for d on the way back only; 0 makes it as it was.
func (p *proxy) lag(d time.Duration) { p.from.set(condition{delay: d}) }

// narrow lets rate bytes a second pass towards the target; 0 is no bound. The
// way back stays as it is.
func (p *proxy) narrow(rate int) { p.to.set(condition{rate: rate}) }

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.carry(in) })
	}
}

// carry joins one connection with one to the target until either ends.
func (p *proxy) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer out.Close()
	if !p.keep(in, out) {
		return
	}
	defer p.forget(in, out)
	var ways sync.WaitGroup
	ways.Go(func() { p.to.pump(out, in) })
	ways.Go(func() { p.from.pump(in, out) })
	ways.Wait()
}

// keep remembers the connections for close; false when it is too late.
func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.open[c] = true
	}
	return !p.closed
}

func (p *proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.open, c)
	}
}

// close ends the proxy and every connection.
func (p *proxy) close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
	return err
}

// condition is what a way does to bytes. The zero value passes them on.
type condition struct {
	delay time.Duration // how long each travels
	rate  int           // bytes a second; 0 is no bound
}

// way is one direction of all connections of a proxy.
type way struct {
	mu  sync.Mutex
	now condition
}

func (w *way) set(c condition) {
	w.mu.Lock()
	w.now = c
	w.mu.Unlock()
}

func (w *way) get() condition {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// parcel is some bytes and when they came.
type parcel struct {
	data []byte
	came time.Time
}

// pump passes what src has on to dst until either ends, then closes both.
// Parcels travel at the same time, and in order, so that a delay takes nothing
// from the rate; what cannot pass waits here, as in a router with a long queue.
func (w *way) pump(dst io.WriteCloser, src io.ReadCloser) {
	defer src.Close()
	defer dst.Close()
	travelling := make(chan parcel, 1<<16)
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer src.Close() // ends the reading below
		for p := range travelling {
			time.Sleep(time.Until(p.came.Add(w.get().delay)))
			if err := w.pass(dst, p.data); err != nil {
				break
			}
		}
		for range travelling { // nobody takes them
		}
	}()
	for {
		buffer := make([]byte, 4<<10)
		n, err := src.Read(buffer)
		if n > 0 {
			travelling <- parcel{buffer[:n], time.Now()}
		}
		if err != nil {
			break
		}
	}
	close(travelling)
	<-written
}

// pass writes data as fast as the rate allows, in pieces so small that a change
// of the rate is soon heeded.
func (w *way) pass(dst io.Writer, data []byte) error {
	const piece = 64
	for len(data) > 0 {
		n := len(data)
		if rate := w.get().rate; rate > 0 {
			n = min(n, piece)
			time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		}
		if _, err := dst.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
