package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/engine/enginetest"
)

// paging is a host whose talkers have pages that write writes.
func paging(t *testing.T, write func(w io.Writer, replica int) error) *running {
	return serve(t, "127.0.0.1:0", HostOptions{Stages: []HostStage{
		{Name: "talker", Engines: []engine.Engine{&enginetest.Scripted{Script: echo}, &enginetest.Scripted{Script: echo}}, Page: write},
		{Name: "code2wav", Engines: []engine.Engine{&enginetest.Scripted{Script: echo}}},
	}}, nil)
}

func TestPageOfAReplicaCrossesWhole(t *testing.T) {
	long := strings.Repeat("vllm:x 1\n", 100_000) // more than a frame holds
	h := paging(t, func(w io.Writer, replica int) error {
		_, err := fmt.Fprintf(w, "%s# replica %d\n", long, replica)
		return err
	})
	p := connect(t, options(h.address))
	if !p.HasPages("talker") || p.HasPages("code2wav") || p.HasPages("thinker") {
		t.Error("not the talker alone has pages")
	}
	for replica := range 2 {
		page, err := p.Page(t.Context(), "talker", replica)
		if want := fmt.Sprintf("%s# replica %d\n", long, replica); err != nil || string(page) != want {
			t.Errorf("%d bytes of %d, %v", len(page), len(want), err)
		}
	}
	// Requests go on as before.
	s := begin(t, p, engine.Request{})
	cross(t, s, frames(1, 2, 3))
	s.CloseSend()
	if samples, _, err := drain(t, s); len(samples) != 3 || err != nil {
		t.Errorf("%v, %v", samples, err)
	}
}

func TestPageThatThereIsNoneOfIsAnErrorThatSaysWhy(t *testing.T) {
	h := paging(t, func(io.Writer, int) error { return errors.New("gather: broken") })
	p := connect(t, options(h.address))
	for _, c := range []struct {
		stage   string
		replica int
		want    string
	}{
		{"talker", 0, "gather: broken"},
		{"talker", 2, "stage talker has no replica 2 here, only 2"},
		{"talker", -1, "stage talker has no replica -1 here"},
		{"code2wav", 0, "stage code2wav has no metrics here"},
		{"thinker", 0, "stage thinker does not run here"},
	} {
		if page, err := p.Page(t.Context(), c.stage, c.replica); err == nil || !strings.Contains(err.Error(), c.want) || page != nil {
			t.Errorf("%s %d: %q, %v", c.stage, c.replica, page, err)
		}
	}
}

func TestPageIsWaitedForNoLongerThanTheCallerHasTimeOrThePeerIsThere(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	h := paging(t, func(w io.Writer, replica int) error {
		asked <- struct{}{}
		<-release
		return nil
	})
	p := connect(t, options(h.address))
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := p.Page(ctx, "talker", 0)
		failed <- err
	}()
	<-asked
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	go func() {
		_, err := p.Page(context.Background(), "talker", 1)
		failed <- err
	}()
	<-asked
	close(release) // the host waits for whoever writes a page
	if err := <-failed; err != nil {
		t.Errorf("%v", err)
	}
	h.stop(t)
	if _, err := p.Page(t.Context(), "talker", 0); !errors.Is(err, engine.ErrLost) {
		t.Errorf("%v: want that the peer is lost", err)
	}
}
