package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

// StampSize is the length of the time of sending at the end of messages of the
// kinds Data, Output, Ping and Pong. It is written by Stamp at the last moment.
const StampSize = 8

// Stamp writes the time of sending, in nanoseconds of the sender's clock, into
// a message's last bytes.
func Stamp(body []byte, at int64) {
	binary.LittleEndian.PutUint64(body[len(body)-StampSize:], uint64(at))
}

// Hello is the first message of a connection.
type Hello struct {
	// Version is the format's.
	Version int `json:"version"`
	// Model is the model's name, for messages, and Fingerprint what it is.
	Model       string `json:"model"`
	Fingerprint string `json:"fingerprint"`
	// Stages are the names of those that the caller wants to use.
	Stages []string `json:"stages"`
}

// Welcome is the peer's answer to Hello.
type Welcome struct {
	Version     int    `json:"version"`
	Model       string `json:"model"`
	Fingerprint string `json:"fingerprint"`
	// Stages are those that the peer runs.
	Stages []StageOffer `json:"stages"`
	// Depth is the number of payloads, and of outputs, of one request that may
	// be on their way or not taken yet.
	Depth int `json:"depth"`
}

// StageOffer says how many replicas of a stage a peer runs.
type StageOffer struct {
	Name     string `json:"name"`
	Replicas int    `json:"replicas"`
	// Pages says that the replicas have metrics pages.
	Pages bool `json:"pages,omitempty"`
}

// PageOf asks for a replica's metrics page. The number of its stream is that of
// the answer.
type PageOf struct {
	Stage   string `json:"stage"`
	Replica int    `json:"replica"`
}

// Start opens a stream. What concerns this process alone does not cross: when
// the request arrived in its time, what its choices have in common, and the
// client's own request, which no engine of a peer reads.
type Start struct {
	Stage   string         `json:"stage"`
	Replica int            `json:"replica"`
	Request engine.Request `json:"request"`
}

// Encode encodes the message.
func (s Start) Encode() []byte {
	r := &s.Request
	r.Arrived, r.Group, r.Relay = time.Time{}, nil, nil
	return EncodeJSON(s)
}

// EncodeJSON encodes a Hello, a Welcome or a PageOf. These, and Start, come once a
// connection, a scrape or a request; everything that comes more often is binary.
func EncodeJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// DecodeJSON decodes a Hello, a Welcome, a PageOf or a Start. Fields that are not known are an
// error: what they ask for would be silently left out.
func DecodeJSON(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return malformed("%v", err)
	}
	if d.More() {
		return malformed("more than one value")
	}
	return nil
}

// Peek decodes the version alone of a Hello or Welcome, which other versions may
// have filled with other fields.
func Peek(body []byte) (version int, err error) {
	var v struct{ Version int }
	if err := json.Unmarshal(body, &v); err != nil {
		return 0, malformed("%v", err)
	}
	return v.Version, nil
}

// EncodeData encodes a payload, with room for the stamp.
func EncodeData(p engine.Payload) ([]byte, error) {
	size := 32 + int(p.Bytes())
	b, err := appendPayload(make([]byte, 0, size), p)
	if err != nil {
		return nil, err
	}
	return append(b, make([]byte, StampSize)...), nil
}

// DecodeData decodes a payload and the time of its sending.
func DecodeData(body []byte) (p engine.Payload, sent int64, err error) {
	r := reader{rest: body}
	p = r.payload()
	sent = r.i64()
	if p == nil {
		r.fail("data without a payload")
	}
	return p, sent, r.end()
}

// Arrived tells of a payload that was received. Sent is the time of sending in
// the sender's clock, given back; Taken the time of receiving, in nanoseconds
// of the receiver's; Rx what it took to receive it, in nanoseconds.
type Arrived struct{ Sent, Taken, Rx int64 }

// Encode encodes the message.
func (a Arrived) Encode() []byte {
	return appendI64(appendI64(appendI64(make([]byte, 0, 24), a.Sent), a.Taken), a.Rx)
}

// DecodeArrived decodes an Arrived.
func DecodeArrived(body []byte) (Arrived, error) {
	r := reader{rest: body}
	a := Arrived{Sent: r.i64(), Taken: r.i64(), Rx: r.i64()}
	return a, r.end()
}

// EncodeCount encodes the number of a Released or Credit.
func EncodeCount(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

// DecodeCount decodes the number of a Released or Credit: at least 1.
func DecodeCount(body []byte) (int, error) {
	r := reader{rest: body}
	n := r.dim()
	if n < 1 {
		r.fail("a count of nothing")
	}
	return n, r.end()
}

// Ways in which a stream ends.
const (
	doneWell byte = iota
	doneClosed
	doneAborted
	doneRejected
	doneFailed
)

// EncodeDone encodes how a stream ended; nil is well.
func EncodeDone(err error) []byte {
	var rejected *engine.RejectedError
	switch {
	case err == nil:
		return []byte{doneWell}
	case errors.As(err, &rejected):
		return appendText(appendText([]byte{doneRejected}, rejected.Reason), rejected.Err.Error())
	case errors.Is(err, engine.ErrAborted):
		return []byte{doneAborted}
	case errors.Is(err, engine.ErrClosed):
		return []byte{doneClosed}
	}
	return appendText([]byte{doneFailed}, err.Error())
}

// DecodeDone decodes how a stream ended. The second error says that the message
// itself is malformed.
func DecodeDone(body []byte) (ended, err error) {
	r := reader{rest: body}
	switch how := r.u8(); how {
	case doneWell:
	case doneClosed:
		ended = engine.ErrClosed
	case doneAborted:
		ended = engine.ErrAborted
	case doneRejected:
		reason := r.text()
		ended = &engine.RejectedError{Reason: reason, Err: errors.New(r.text())}
	case doneFailed:
		ended = errors.New(r.text())
	default:
		r.fail("an end of unknown kind %d", how)
	}
	return ended, r.end()
}

// EncodePaged encodes a page, or why there is none.
func EncodePaged(page []byte, err error) []byte {
	if err != nil {
		return appendText([]byte{doneFailed}, err.Error())
	}
	return append([]byte{doneWell}, page...)
}

// DecodePaged decodes a page, or why there is none. The second error says that
// the message itself is malformed. The page aliases the body.
func DecodePaged(body []byte) (page []byte, failed, err error) {
	r := reader{rest: body}
	switch how := r.u8(); how {
	case doneWell:
		if len(body) > 0 {
			return body[1:], nil, nil
		}
	case doneFailed:
		failed = errors.New(r.text())
	default:
		r.fail("a page of unknown kind %d", how)
	}
	return nil, failed, r.end()
}

// EncodePing makes a question for the time, with room for the stamp.
func EncodePing() []byte { return make([]byte, StampSize) }

// DecodePing returns when a question was sent.
func DecodePing(body []byte) (sent int64, err error) {
	r := reader{rest: body}
	return r.i64(), r.end()
}

// Pong answers a Ping. Asked is the question's stamp, given back; Taken and
// Sent are the times of its receiving and of the answer's sending in the
// answering side's clock.
type Pong struct{ Asked, Taken, Sent int64 }

// Encode encodes the message; Sent is left to the stamp.
func (p Pong) Encode() []byte {
	return append(appendI64(appendI64(make([]byte, 0, 24), p.Asked), p.Taken), make([]byte, StampSize)...)
}

// DecodePong decodes a Pong.
func DecodePong(body []byte) (Pong, error) {
	r := reader{rest: body}
	p := Pong{Asked: r.i64(), Taken: r.i64(), Sent: r.i64()}
	return p, r.end()
}
