package stage

import (
	"errors"
	"slices"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
)

// idle is an engine that is never started.
type idle struct{ closeErr error }

func (idle) Start(engine.Request) (engine.Stream, error) { return nil, errors.New("never started") }
func (i idle) Close() error                              { return i.closeErr }

func bind(t *testing.T, p *Pool) *Binding {
	t.Helper()
	b, ok := p.TryBind(0)
	if !ok {
		t.Fatal("no free place")
	}
	return b
}

func TestTiesGoRoundTheReplicas(t *testing.T) {
	p := NewPool(1, "talker", 8, nil, idle{}, idle{}, idle{})
	var got []int
	for range 6 {
		b := bind(t, p)
		got = append(got, b.Replica.ID)
		b.Release()
	}
	if want := []int{0, 1, 2, 0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("replicas %v, want %v", got, want)
	}
}

func TestLeastLoadedReplicaIsChosen(t *testing.T) {
	p := NewPool(1, "talker", 8, nil, idle{}, idle{})
	first, second := bind(t, p), bind(t, p)
	third := bind(t, p)
	second.Release()
	if got := bind(t, p); got.Replica != second.Replica {
		t.Errorf("bound to replica %d with load %v", got.Replica.ID, p.Load())
	}
	first.Release()
	third.Release()
}

func TestPlacesBoundOnlyThoseWhoCanWait(t *testing.T) {
	p := NewPool(0, "thinker", 1, nil, idle{})
	b := bind(t, p)
	if _, ok := p.TryBind(0); ok {
		t.Fatal("a second request got the one place")
	}
	extra, err := p.Bind(0)
	if err != nil {
		t.Fatal(err)
	}
	b.Release()
	if _, ok := p.TryBind(0); ok {
		t.Fatal("the place is taken by the request that did not wait")
	}
	extra.Release()
	bind(t, p)
}

func TestReleaseFreesOnceAndTells(t *testing.T) {
	freed := 0
	p := NewPool(0, "thinker", 2, func() { freed++ }, idle{})
	b := bind(t, p)
	bind(t, p)
	b.Release()
	b.Release()
	if freed != 1 || !slices.Equal(p.Load(), []int{1}) {
		t.Errorf("freed %d times, load %v", freed, p.Load())
	}
}

func TestReplicaThatIsDownGetsNothingNewAndKeepsWhatItHas(t *testing.T) {
	freed := 0
	p := NewPool(1, "talker", 8, func() { freed++ }, idle{}, idle{})
	bound := bind(t, p)
	p.SetUp(0, false)
	for range 3 {
		if b := bind(t, p); b.Replica.ID != 1 {
			t.Errorf("bound to replica %d, which is down", b.Replica.ID)
		}
	}
	if got := p.Members(); !slices.Equal(got, []Member{{0, Down, 1}, {1, Ready, 3}}) {
		t.Errorf("members %v", got)
	}
	p.SetUp(1, false)
	if _, ok := p.TryBind(0); ok {
		t.Error("bound although all replicas are down")
	}
	if _, err := p.Bind(0); !errors.Is(err, ErrNoReplica) {
		t.Errorf("Bind = %v", err)
	}
	if err := p.Available(); !errors.Is(err, ErrNoReplica) {
		t.Errorf("Available = %v", err)
	}
	bound.Release()
	freed = 0
	p.SetUp(0, true)
	p.SetUp(0, true)
	if freed != 1 {
		t.Errorf("told %d times that places are free, want once, when the replica came back", freed)
	}
	if b := bind(t, p); b.Replica.ID != 0 || p.Available() != nil {
		t.Errorf("bound to replica %d, available: %v", b.Replica.ID, p.Available())
	}
}

func TestEmptyStageSaysSo(t *testing.T) {
	p := NewPool(2, "code2wav", 1, nil)
	if _, ok := p.TryBind(0); ok {
		t.Error("bound to nothing")
	}
	if _, err := p.Bind(0); !errors.Is(err, ErrNoReplica) {
		t.Errorf("Bind = %v", err)
	}
}

func TestCloseNamesTheReplicaThatFailed(t *testing.T) {
	broken := errors.New("stuck")
	p := NewPool(2, "code2wav", 1, nil, idle{}, idle{closeErr: broken})
	err := p.Close()
	if !errors.Is(err, broken) || err.Error() != "stage code2wav: replica 1: stuck" {
		t.Errorf("Close = %v", err)
	}
}
