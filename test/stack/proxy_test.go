package main

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// through sends texts through a way at once and returns when each was there.
func through(t *testing.T, w *way, texts ...string) (took []time.Duration) {
	t.Helper()
	client, in := net.Pipe()
	out, target := net.Pipe()
	go w.pump(out, in)
	began := time.Now()
	go func() {
		for _, text := range texts {
			if _, err := io.WriteString(client, text); err != nil {
				t.Error(err)
			}
		}
		client.Close()
	}()
	for _, text := range texts {
		got := make([]byte, len(text))
		if _, err := io.ReadFull(target, got); err != nil || string(got) != text {
			t.Fatalf("%q came, %v, want %q", got, err, text)
		}
		took = append(took, time.Since(began))
	}
	if _, err := target.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the last byte: %v, want the end", err)
	}
	return took
}

func TestSlowWayDelaysAllBytesAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		w.set(condition{delay: 250 * time.Millisecond})
		for i, d := range through(t, w, "one", "two", "three") {
			if d != 250*time.Millisecond {
				t.Errorf("text %d took %v, want 250ms", i, d)
			}
		}
	})
}

func TestNarrowWayPassesSoManyBytesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		w.set(condition{rate: 10})
		want := []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond}
		for i, d := range through(t, w, "01234", "0123456789") {
			if d != want[i] {
				t.Errorf("text %d took %v, want %v", i, d, want[i])
			}
		}
	})
}

func TestWayThatIsFineAgainPassesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		w.set(condition{delay: time.Minute, rate: 1})
		w.set(condition{})
		if took := through(t, w, "text")[0]; took != 0 {
			t.Errorf("it took %v, want no time", took)
		}
	})
}

func TestProxyJoinsItsClientsToTheTargetUntilItIsClosed(t *testing.T) {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	go func() {
		for {
			c, err := target.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	p, err := newProxy(target.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := make([]byte, 4)
	if _, err := io.WriteString(c, "ping"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "ping" {
		t.Fatalf("%q came back, %v", got, err)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(got); err == nil {
		t.Error("a closed proxy still passes bytes")
	}
}
