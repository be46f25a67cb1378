package orchestrator

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/enginetest"
	"github.com/limelight-omni/limelight/internal/stage"
)

func TestReplicaThatIsAddedTakesWhatWaits(t *testing.T) {
	hold := make(chan struct{})
	started := make(chan string, 2)
	held := func(t *turn, req engine.Request) {
		started <- req.ID
		<-hold
		say(2, engine.FinishStop)(t, req)
	}
	h := newHouse(t, layout{thinker: held, places: 1})
	h.newEngine = func(int, int) engine.Engine { return &enginetest.Scripted{Script: held} }
	h.log = slog.New(slog.DiscardHandler)
	first := h.submit(t, 0, func(r *Request) { r.ID = "first" })
	second := h.submit(t, 0, func(r *Request) { r.ID = "second" })
	if id := <-started; id != "first" {
		t.Fatalf("%s started", id)
	}
	if running, waiting := h.Requests(); running != 1 || waiting != 1 {
		t.Fatalf("%d running, %d waiting", running, waiting)
	}
	id, err := h.AddReplica(0)
	if err != nil || id != 1 {
		t.Fatalf("replica %d, %v", id, err)
	}
	if id := <-started; id != "second" {
		t.Fatalf("%s started", id)
	}
	if err := h.RemoveReplica(0, 0); err != nil { // it still has the first request
		t.Fatal(err)
	}
	close(hold)
	for _, r := range []*Reply{first, second} {
		if text, _, err := listen(t, r); text != "xx" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	}
	if err := h.RemoveReplica(0, 1); !errors.Is(err, stage.ErrLastReplica) {
		t.Errorf("RemoveReplica = %v", err)
	}
}

func TestStagesAreFoundByNameAndByID(t *testing.T) {
	h := newHouse(t, layout{})
	for name, want := range map[string]int{"talker": 1, "2": 2, "0": 0} {
		if k, err := h.FindStage(name); k != want || err != nil {
			t.Errorf("%s is stage %d, %v", name, k, err)
		}
	}
	for _, name := range []string{"3", "-1", "", "speaker"} {
		if _, err := h.FindStage(name); !errors.Is(err, ErrUnknownStage) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
