package peer

import (
	"time"

	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// defaultDepth is the number of payloads, and of outputs, of one request that
// may be on their way or not taken yet.
const defaultDepth = 16

// window is what either side may have on its way in one direction, in bytes.
// Credits bound it already, and the readers never wait. With HTTP/2's window of
// 64 KiB, which gRPC enlarges only after it has been in the way, a way of 0.7 s
// there and back would be too narrow for a single listener.
const window = 16 << 20

// rawStream is either end of the gRPC stream.
type rawStream interface {
	SendMsg(m any) error
	RecvMsg(m any) error
}

// conn is one end of a connection between two processes: one gRPC stream, used
// by all requests at once.
type conn struct {
	raw   rawStream
	clock clock
	out   *outbox
	own   lane // of the connection's own messages: stream 0
}

func newConn(raw rawStream, now func() time.Time) *conn {
	return &conn{raw: raw, clock: newClock(now), out: newOutbox()}
}

// write sends what is put into the outbox until that is closed, and returns
// early with the error of a stream that broke.
func (c *conn) write() error {
	for {
		f, stamp, ok := c.out.next()
		if !ok {
			if c.out.isClosed() {
				return nil
			}
			<-c.out.wake
			continue
		}
		if stamp { // tx ends here: the frame is gRPC's from now on
			wire.Stamp(f.Part, c.clock.read())
		}
		if err := c.raw.SendMsg(&wire.Outbound{Header: f.Header(), Part: f.Part}); err != nil {
			return err
		}
	}
}

// read hands every message to handle, with the time at which its last frame was
// there, until the stream ends or handle returns an error. The body is only
// good until handle returns.
func (c *conn) read(handle func(m wire.Message, taken time.Time) error) error {
	var assembler wire.Assembler
	in := wire.Inbound{Now: c.clock.now}
	for {
		if err := c.raw.RecvMsg(&in); err != nil {
			return err
		}
		err := func() error {
			defer in.Free()
			f, err := wire.ParseFrame(in.Data)
			if err != nil {
				return err
			}
			m, whole, err := assembler.Add(f)
			if err != nil || !whole {
				return err
			}
			return handle(m, in.Taken)
		}()
		if err != nil {
			return err
		}
	}
}

// put sends one of the connection's own messages.
func (c *conn) put(kind wire.Kind, body []byte, stamp bool) { c.out.put(&c.own, kind, body, stamp) }
