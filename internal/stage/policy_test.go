package stage

import (
	"errors"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

func poolOf(n int, policy Policy) *Pool {
	p := NewPool(0, "chat", 4, nil, make([]engine.Engine, n)...)
	p.SetPolicy(policy)
	return p
}

func bindTo(t *testing.T, p *Pool, affinity uint64) *Binding {
	t.Helper()
	b, err := p.Bind(affinity)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundRobinTakesOneAfterTheOther(t *testing.T) {
	p := poolOf(3, RoundRobin)
	for i := range 7 {
		if b := bindTo(t, p, 0); b.Replica.ID != i%3 {
			t.Errorf("choice %d: replica %d", i, b.Replica.ID)
		}
	}
}

func TestPowerOfTwoKeepsLoadsNearEachOther(t *testing.T) {
	p := poolOf(8, PowerOfTwo)
	for range 800 {
		bindTo(t, p, 0)
	}
	for id, load := range p.Load() {
		if load < 80 || load > 120 {
			t.Errorf("replica %d has %d of 800", id, load)
		}
	}
}

func TestConsistentHashKeepsAConversationAndMovesOnlyTheShareOfTheLost(t *testing.T) {
	p := poolOf(4, ConsistentHash)
	home := map[uint64]int{}
	for key := uint64(1); key <= 400; key++ {
		b := bindTo(t, p, key)
		home[key] = b.Replica.ID
		b.Release()
		again := bindTo(t, p, key)
		if again.Replica.ID != home[key] {
			t.Errorf("key %d moved", key)
		}
		again.Release()
	}
	shares := map[int]int{}
	p.SetUp(2, false)
	for key, was := range home {
		shares[was]++
		b := bindTo(t, p, key)
		if was != 2 && b.Replica.ID != was || was == 2 && b.Replica.ID == 2 {
			t.Errorf("key %d: from %d to %d", key, was, b.Replica.ID)
		}
		b.Release()
	}
	for id, n := range shares {
		if n < 60 || n > 140 {
			t.Errorf("replica %d has %d of 400 keys", id, n)
		}
	}
}

func TestConsistentHashPassesOverWhoHasFarMoreThanTheOthers(t *testing.T) {
	p := poolOf(4, ConsistentHash)
	most := 0
	for range 40 {
		bindTo(t, p, 7)
	}
	for _, load := range p.Load() {
		most = max(most, load)
	}
	if most > 15 {
		t.Errorf("one replica has %d of 40 requests of one conversation", most)
	}
}

func TestUnknownPolicyIsNamed(t *testing.T) {
	if _, err := ParsePolicy("random"); err == nil {
		t.Error("random is a policy")
	}
	if p, err := ParsePolicy(""); p != LeastInFlight || err != nil {
		t.Error(p, err)
	}
}

// ejecting is a pool whose clock and timers a test moves.
func ejecting(n int) (p *Pool, now *time.Time, due *[]func()) {
	p = poolOf(n, LeastInFlight)
	now, due = new(time.Time), new([]func())
	*now = time.Unix(1000, 0)
	p.SetEjection(Ejection{
		Failures: 2, Base: time.Second, Max: 4 * time.Second,
		now:   func() time.Time { return *now },
		after: func(_ time.Duration, f func()) { *due = append(*due, f) },
	})
	return p, now, due
}

func failAt(t *testing.T, p *Pool, id, times int) {
	t.Helper()
	for range times {
		(&Binding{Replica: p.replicas[id], pool: p}).Failed(errors.New("refused"))
	}
}

func serves(p *Pool, id int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inService(p.replicas[id])
}

func TestReplicaThatFailsInARowIsEjectedForTwiceAsLongEachTime(t *testing.T) {
	p, now, _ := ejecting(2)
	failAt(t, p, 0, 1)
	if !serves(p, 0) {
		t.Fatal("ejected after one failure")
	}
	for _, lasts := range []time.Duration{1, 2, 4, 4} {
		failAt(t, p, 0, 1)
		if serves(p, 0) {
			t.Fatalf("in service after a failure that should eject it for %ds", lasts)
		}
		*now = now.Add(lasts*time.Second - 1)
		if serves(p, 0) {
			t.Errorf("back before %ds were over", lasts)
		}
		if *now = now.Add(1); !serves(p, 0) {
			t.Errorf("still out after %ds", lasts)
		}
	}
	b, err := p.BindExcept(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	b.Succeeded()
	failAt(t, p, 0, 1)
	if !serves(p, 0) {
		t.Error("a success did not clear what was before it")
	}
}

func TestLastReplicaIsNeverEjectedAndAHealthCheckDecides(t *testing.T) {
	p, _, _ := ejecting(2)
	failAt(t, p, 0, 2)
	failAt(t, p, 1, 2)
	if !serves(p, 0) || !serves(p, 1) {
		t.Error("all replicas ejected: none serves")
	}
	p.SetUp(1, false)
	if !serves(p, 0) || serves(p, 1) {
		t.Error("the health check does not count")
	}
	if err := p.Available(); err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsHearsOfTheEndOfAnEjection(t *testing.T) {
	p, _, due := ejecting(2)
	heard := 0
	p.OnFreed(func() { heard++ })
	failAt(t, p, 0, 2)
	if len(*due) != 1 {
		t.Fatal("no timer")
	}
	(*due)[0]()
	if heard != 1 {
		t.Error("nobody was told")
	}
}

func TestAnotherReplicaThanThoseTried(t *testing.T) {
	p := poolOf(3, LeastInFlight)
	b, err := p.BindExcept(0, 0, 2)
	if err != nil || b.Replica.ID != 1 {
		t.Error(b, err)
	}
	if _, err := p.BindExcept(0, 0, 1, 2); !errors.Is(err, ErrNoReplica) {
		t.Error(err)
	}
}
