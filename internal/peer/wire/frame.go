// Package wire holds what two Limelight processes say to each other when one
// runs stages for the other: frames, the messages in them, and the tensors in
// those. docs/connector.md describes the format. All numbers are little-endian.
//
// Nothing in here trusts its input: what a peer sends is checked against its
// own length before anything is made of it.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version of the format. Peers of different versions refuse each other.
const Version = 3

// Kind says what a message is.
type Kind uint8

// The messages. Those marked > go from the orchestrator's process to the
// peer's, those marked < the other way.
const (
	KindHello     Kind = iota + 1 // > first message: who calls, and for which model
	KindWelcome                   // < its answer: which stages and replicas there are
	KindStart                     // > opens a stream for one request at one replica
	KindData                      // > a payload from the previous stage
	KindCloseSend                 // > no payload follows
	KindAbort                     // > drop the request
	KindArrived                   // < a payload was received, and when
	KindReleased                  // < the engine took payloads: their places are free
	KindOutput                    // < one output of the engine
	KindCredit                    // > outputs were taken: more may be sent
	KindDone                      // < the engine holds nothing for the request any more
	KindPing                      // > asks for the time
	KindPong                      // < tells it
	KindDrain                     // < start nothing new here: the peer is shutting down
	KindPage                      // > asks for a replica's metrics page
	KindPaged                     // < the page, or why there is none
	kinds                         // their number, and one
)

const (
	headerSize = 9
	// MaxPart is the most that one frame carries of a message. A longer message
	// is cut, so that it does not hold up the other requests' messages.
	MaxPart = 64 << 10
	// MaxMessage bounds a message that is put together from frames.
	MaxMessage = 1 << 30

	moreFlag = 0x80
)

// ErrMalformed is what every decoding error of this package wraps.
var ErrMalformed = errors.New("malformed")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Frame is what one gRPC message carries: a message, or a part of one.
type Frame struct {
	Kind Kind
	// Stream is the request's number on this connection; 0 is the connection's own.
	Stream uint64
	// More says that the message goes on in the stream's next frame. Every part
	// but a message's last one is MaxPart long.
	More bool
	Part []byte
}

// Header encodes all of a frame but its part.
func (f Frame) Header() []byte {
	h := make([]byte, headerSize)
	h[0] = byte(f.Kind)
	if f.More {
		h[0] |= moreFlag
	}
	binary.LittleEndian.PutUint64(h[1:], f.Stream)
	return h
}

// ParseFrame decodes a frame. Its part aliases data.
func ParseFrame(data []byte) (Frame, error) {
	if len(data) < headerSize {
		return Frame{}, malformed("a frame of %d bytes", len(data))
	}
	f := Frame{
		Kind: Kind(data[0] &^ moreFlag), More: data[0]&moreFlag != 0,
		Stream: binary.LittleEndian.Uint64(data[1:]), Part: data[headerSize:],
	}
	if f.Kind == 0 || f.Kind >= kinds {
		return Frame{}, malformed("a frame of unknown kind %d", f.Kind)
	}
	if len(f.Part) > MaxPart || f.More && len(f.Part) < MaxPart {
		return Frame{}, malformed("a part of %d bytes", len(f.Part))
	}
	return f, nil
}

// Message is a whole message.
type Message struct {
	Kind   Kind
	Stream uint64
	Body   []byte
}

// Assembler puts messages together from frames. The zero value is ready.
type Assembler struct {
	begun map[uint64]Message // by stream
	held  int                // bytes in begun
}

// Add takes the next frame. It is false while the frame's message is
// incomplete. The message's body may alias the frame's part.
func (a *Assembler) Add(f Frame) (Message, bool, error) {
	m, begun := a.begun[f.Stream]
	switch {
	case !begun && !f.More:
		return Message{Kind: f.Kind, Stream: f.Stream, Body: f.Part}, true, nil
	case begun && m.Kind != f.Kind:
		return Message{}, false, malformed("a frame of kind %d inside a message of kind %d", f.Kind, m.Kind)
	case a.held+len(f.Part) > MaxMessage:
		return Message{}, false, malformed("messages of more than %d bytes", MaxMessage)
	}
	m.Kind, m.Stream = f.Kind, f.Stream
	m.Body = append(m.Body, f.Part...)
	a.held += len(f.Part)
	if f.More {
		if a.begun == nil {
			a.begun = map[uint64]Message{}
		}
		a.begun[f.Stream] = m
		return Message{}, false, nil
	}
	delete(a.begun, f.Stream)
	a.held -= len(m.Body)
	return m, true, nil
}
