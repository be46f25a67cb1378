package peer

import (
	"bytes"
	"slices"
	"testing"

	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// order takes everything out of an outbox and returns the streams of its frames.
func order(t *testing.T, o *outbox) (streams []uint64, frames []wire.Frame) {
	t.Helper()
	for {
		f, _, ok := o.next()
		if !ok {
			return streams, frames
		}
		streams, frames = append(streams, f.Stream), append(frames, f)
	}
}

func TestLongMessageHoldsUpOnlyItsOwnLane(t *testing.T) {
	o := newOutbox()
	long, short := &lane{stream: 1}, &lane{stream: 2}
	body := make([]byte, 2*wire.MaxPart+10)
	for i := range body {
		body[i] = byte(i)
	}
	o.put(long, wire.KindData, body, true)
	o.put(long, wire.KindCloseSend, nil, false)
	o.put(short, wire.KindCredit, []byte{1}, false)
	o.put(short, wire.KindCredit, []byte{2}, false)
	streams, frames := order(t, o)
	if want := []uint64{1, 2, 1, 2, 1, 1}; !slices.Equal(streams, want) {
		t.Fatalf("frames of the streams %v, want %v", streams, want)
	}
	var whole []byte
	for _, at := range []int{0, 2, 4} {
		if more := at != 4; frames[at].More != more {
			t.Errorf("frame %d: more is %v", at, frames[at].More)
		}
		whole = append(whole, frames[at].Part...)
	}
	if !bytes.Equal(whole, body) || frames[5].Kind != wire.KindCloseSend || frames[3].Part[0] != 2 {
		t.Error("a message was changed, or overtaken")
	}
}

func TestStampBelongsToTheLastFrameOfItsMessage(t *testing.T) {
	o := newOutbox()
	o.put(&lane{stream: 1}, wire.KindData, make([]byte, wire.MaxPart+1), true)
	o.put(&lane{stream: 2}, wire.KindAbort, nil, false)
	var stamps []bool
	for {
		_, stamp, ok := o.next()
		if !ok {
			break
		}
		stamps = append(stamps, stamp)
	}
	if want := []bool{false, false, true}; !slices.Equal(stamps, want) {
		t.Errorf("stamps %v, want %v", stamps, want)
	}
}

func TestClearedLaneKeepsWhatTheOtherSideNeeds(t *testing.T) {
	o := newOutbox()
	begun, fresh, idle := &lane{stream: 1}, &lane{stream: 2}, &lane{stream: 3}
	o.put(begun, wire.KindData, make([]byte, wire.MaxPart+1), true)
	o.put(begun, wire.KindData, make([]byte, 9), true)
	if f, _, ok := o.next(); !ok || !f.More {
		t.Fatal("the first half did not come")
	}
	o.put(fresh, wire.KindStart, nil, false)
	o.put(fresh, wire.KindData, make([]byte, 9), true)
	o.put(idle, wire.KindData, make([]byte, 9), true)
	for _, l := range []*lane{begun, fresh, idle} {
		o.clear(l)
	}
	o.put(fresh, wire.KindAbort, nil, false)
	o.put(idle, wire.KindAbort, nil, false)
	var got []wire.Kind
	_, frames := order(t, o)
	for _, f := range frames {
		got = append(got, f.Kind)
	}
	if want := []wire.Kind{wire.KindData, wire.KindStart, wire.KindAbort, wire.KindAbort}; !slices.Equal(got, want) {
		t.Errorf("kinds %v, want %v", got, want)
	}
	if !idle.listed == (len(idle.queue) > 0) {
		t.Error("a drained lane is listed")
	}
}

func TestClosedOutboxIsEmptyAndStaysSo(t *testing.T) {
	o := newOutbox()
	l := &lane{stream: 1}
	o.put(l, wire.KindAbort, nil, false)
	o.close()
	o.put(&lane{stream: 2}, wire.KindAbort, nil, false)
	if _, _, ok := o.next(); ok || !o.isClosed() {
		t.Error("a closed outbox gives something")
	}
}
