package stage

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

// closing is an engine that says when it is closed.
type closing struct {
	idle
	closed chan struct{}
}

func newClosing() *closing { return &closing{closed: make(chan struct{})} }

func (c *closing) Close() error {
	close(c.closed)
	return c.closeErr
}

func TestReplicaThatLeavesFinishesItsRequestsAndClosesThen(t *testing.T) {
	first, second := newClosing(), newClosing()
	second.closeErr = errors.New("bad end")
	p := NewPool(1, "talker", 8, nil, first, second)
	bindings := []*Binding{bind(t, p), bind(t, p)}
	gone := make(chan error, 1)
	for range 2 { // the second time changes nothing
		if err := p.Remove(1, func(err error) { gone <- err }); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		b := bind(t, p)
		if b.Replica.ID != 0 {
			t.Fatal("a replica that leaves got a new request")
		}
		defer b.Release()
	}
	if got := p.Members(); !slices.Equal(got, []Member{{0, Ready, 4}, {1, Draining, 1}}) {
		t.Errorf("members %v", got)
	}
	select {
	case <-second.closed:
		t.Fatal("closed while a request was bound to it")
	default:
	}
	bindings[1].Release()
	if err := <-gone; err != second.closeErr {
		t.Errorf("it left with %v", err)
	}
	if got := p.Members(); !slices.Equal(got, []Member{{0, Ready, 4}}) {
		t.Errorf("members %v", got)
	}
	p.SetUp(1, true) // whoever watches it may be late
	if err := p.Remove(1, nil); !errors.Is(err, ErrUnknownReplica) {
		t.Errorf("Remove = %v", err)
	}
	bindings[0].Release()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	<-first.closed
}

func TestLastReplicaStays(t *testing.T) {
	p := NewPool(1, "talker", 8, nil, newClosing(), newClosing())
	p.SetUp(0, false)
	if err := p.Remove(1, nil); !errors.Is(err, ErrLastReplica) {
		t.Errorf("the last one that is up: Remove = %v", err)
	}
	if err := p.Remove(0, nil); err != nil {
		t.Errorf("the one that is down: Remove = %v", err)
	}
	if err := p.Remove(1, nil); !errors.Is(err, ErrLastReplica) {
		t.Errorf("the last one: Remove = %v", err)
	}
	p.Close()
}

func TestIDsAreNeverGivenAgain(t *testing.T) {
	freed := 0
	p := NewPool(1, "talker", 1, func() { freed++ }, newClosing())
	add := func() int {
		r, err := p.Add(func(int) engine.Engine { return newClosing() })
		if err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	first := add()
	if err := p.Remove(first, nil); err != nil {
		t.Fatal(err)
	}
	if second := add(); first != 1 || second != 2 || freed != 2 {
		t.Errorf("ids %d and %d, waiting requests were told %d times", first, second, freed)
	}
	var got []int
	for range 2 {
		got = append(got, bind(t, p).Replica.ID)
	}
	if slices.Sort(got); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("requests on %v", got)
	}
	p.Close()
	if _, err := p.Add(func(int) engine.Engine { return newClosing() }); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Add = %v", err)
	}
}

func TestReplicasComeAndGoUnderLoad(t *testing.T) {
	p := NewPool(1, "talker", 4, nil, newClosing())
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 200 {
				b, err := p.Bind(0)
				if err != nil {
					t.Error(err)
					return
				}
				b.Release()
			}
		})
	}
	work.Go(func() {
		for range 20 {
			r, err := p.Add(func(int) engine.Engine { return newClosing() })
			if err != nil {
				t.Error(err)
				return
			}
			gone := make(chan error)
			if err := p.Remove(r.ID, func(err error) { gone <- err }); err != nil {
				t.Error(err)
				return
			}
			<-gone
		}
	})
	work.Wait()
	if got := p.Members(); !slices.Equal(got, []Member{{0, Ready, 0}}) {
		t.Errorf("members %v", got)
	}
	p.Close()
}
