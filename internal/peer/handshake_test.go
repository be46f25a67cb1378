package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/peer/wire"
)

func send(t *testing.T, raw rawStream, kind wire.Kind, stream uint64, body []byte) {
	t.Helper()
	f := wire.Frame{Kind: kind, Stream: stream}
	if err := raw.SendMsg(&wire.Outbound{Header: f.Header(), Part: body}); err != nil {
		t.Error(err)
	}
}

func receive(raw rawStream) (wire.Kind, []byte, error) {
	in := wire.Inbound{Now: time.Now}
	if err := raw.RecvMsg(&in); err != nil {
		return 0, nil, err
	}
	defer in.Free()
	f, err := wire.ParseFrame(in.Data)
	return f.Kind, append([]byte(nil), f.Part...), err
}

// pretend runs a peer that says whatever the script says.
func pretend(t *testing.T, script func(grpc.ServerStream) error) string {
	t.Helper()
	listener, err := net.Listen("tcp", local)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.ForceServerCodecV2(wire.Codec{}), grpc.WaitForHandlers(true))
	s.RegisterService(&grpc.ServiceDesc{ServiceName: serviceName, HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Connect", ServerStreams: true, ClientStreams: true,
		Handler: func(_ any, raw grpc.ServerStream) error { return script(raw) },
	}}}, nil)
	served := make(chan error)
	go func() { served <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// welcoming greets as a host does, compares the clocks, and goes on with script.
func welcoming(t *testing.T, script func(raw grpc.ServerStream, kind wire.Kind) error) func(grpc.ServerStream) error {
	return func(raw grpc.ServerStream) error {
		if _, _, err := receive(raw); err != nil {
			return err
		}
		send(t, raw, wire.KindWelcome, 0, wire.EncodeJSON(wire.Welcome{
			Version: wire.Version, Model: "m", Fingerprint: "f", Depth: 2, Stages: []wire.StageOffer{{Name: "talker", Replicas: 1}},
		}))
		for {
			kind, _, err := receive(raw)
			if err != nil {
				return err
			}
			if kind == wire.KindPing {
				send(t, raw, wire.KindPong, 0, wire.Pong{}.Encode())
				continue
			}
			if err := script(raw, kind); err != nil {
				return err
			}
		}
	}
}

func TestPeerThatDoesNotFitIsRefusedWithTheReason(t *testing.T) {
	answer := func(w any) func(grpc.ServerStream) error {
		return func(raw grpc.ServerStream) error {
			_, _, err := receive(raw)
			if err == nil {
				send(t, raw, wire.KindWelcome, 0, wire.EncodeJSON(w))
			}
			return err
		}
	}
	h := serve(t, local, HostOptions{}, echo)
	for want, c := range map[string]struct {
		address string
		change  func(*Options)
	}{
		"it runs another model: m (f), not theirs (g)":                                  {h.address, func(o *Options) { o.Model, o.Fingerprint = "theirs", "g" }},
		"it does not run stage code2wav, only talker":                                   {h.address, func(o *Options) { o.Stages = append(o.Stages, "code2wav") }},
		fmt.Sprintf("it speaks version 99 of the protocol, this side %d", wire.Version): {pretend(t, answer(map[string]any{"version": 99, "news": true})), nil},
		"it runs another model: x (y), not m (f)":                                       {pretend(t, answer(wire.Welcome{Version: wire.Version, Model: "x", Fingerprint: "y"})), nil},
		"it does not run stage talker, only ":                                           {pretend(t, answer(wire.Welcome{Version: wire.Version, Fingerprint: "f"})), nil},
		"it offers a depth of 0":                                                        {pretend(t, answer(wire.Welcome{Version: wire.Version, Fingerprint: "f", Stages: []wire.StageOffer{{Name: "talker", Replicas: 1}}})), nil},
		"it does not speak Limelight's peer protocol": {pretend(t, func(raw grpc.ServerStream) error {
			send(t, raw, wire.KindDrain, 0, nil)
			_, _, err := receive(raw)
			return err
		}), nil},
	} {
		o := options(c.address)
		if c.change != nil {
			c.change(&o)
		}
		p, err := Connect(t.Context(), o)
		if err == nil {
			p.Close()
		}
		if err == nil || err.Error() != "peer "+c.address+": "+want {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
}

func TestPeerThatCannotBeReachedSaysWhy(t *testing.T) {
	listener, err := net.Listen("tcp", local)
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Connect(ctx, options(address)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v", err)
	}
}

func TestCallerThatDoesNotFitIsRefusedWithTheReason(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	conn, err := grpc.NewClient(h.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for want, hello := range map[string][]byte{
		fmt.Sprintf("it speaks version %d of the protocol, the caller 99", wire.Version): []byte(`{"version":99,"news":[]}`),
		"it runs another model: m (f), not x (y)":                                        wire.EncodeJSON(wire.Hello{Version: wire.Version, Model: "x", Fingerprint: "y"}),
		"it does not run stage voice, only talker":                                       wire.EncodeJSON(wire.Hello{Version: wire.Version, Fingerprint: "f", Stages: []string{"voice"}}),
		"malformed": []byte("{"),
	} {
		raw, err := conn.NewStream(t.Context(), &connectDesc, connectMethod, grpc.ForceCodecV2(wire.Codec{}))
		if err != nil {
			t.Fatal(err)
		}
		send(t, raw, wire.KindHello, 0, hello)
		if _, _, err := receive(raw); !isRefusal(plain(err)) || !strings.HasPrefix(plain(err).Error(), want) {
			t.Errorf("error %v\nwant %s", plain(err), want)
		}
	}
}

// TestPeerThatTalksNonsenseIsLost has a peer that answers the first start with
// something that no host says. What it broke is the connection.
func TestPeerThatTalksNonsenseIsLost(t *testing.T) {
	for name, say := range map[string]func(raw grpc.ServerStream){
		"an answer to nothing":    func(raw grpc.ServerStream) { send(t, raw, wire.KindArrived, 1, wire.Arrived{}.Encode()) },
		"a place never taken":     func(raw grpc.ServerStream) { send(t, raw, wire.KindReleased, 1, wire.EncodeCount(3)) },
		"a caller's message":      func(raw grpc.ServerStream) { send(t, raw, wire.KindAbort, 1, nil) },
		"an unknown kind":         func(raw grpc.ServerStream) { send(t, raw, 99, 1, nil) },
		"a count of nothing":      func(raw grpc.ServerStream) { send(t, raw, wire.KindReleased, 1, wire.EncodeCount(0)) },
		"an end without a manner": func(raw grpc.ServerStream) { send(t, raw, wire.KindDone, 1, nil) },
		"more than there is room for": func(raw grpc.ServerStream) {
			for range 3 {
				out, err := wire.EncodeOutput(engine.Output{Text: "x"}, 0)
				if err != nil {
					t.Error(err)
				}
				send(t, raw, wire.KindOutput, 1, out)
			}
		},
		"more after the end": func(raw grpc.ServerStream) {
			out, err := wire.EncodeOutput(engine.Output{Finish: engine.FinishStop}, 0)
			if err != nil {
				t.Error(err)
			}
			send(t, raw, wire.KindOutput, 1, out)
			send(t, raw, wire.KindOutput, 1, out)
		},
	} {
		p := connect(t, options(pretend(t, welcoming(t, func(raw grpc.ServerStream, kind wire.Kind) error {
			if kind == wire.KindStart {
				say(raw)
			}
			return nil
		}))))
		s := begin(t, p, engine.Request{})
		<-s.Done()
		var err error
		for range 4 { // outputs that had room are still read
			if _, err = s.Recv(t.Context()); err != nil {
				break
			}
		}
		if !errors.Is(err, engine.ErrLost) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestOutputThatWasChangedOnItsWayFailsItsRequestAlone(t *testing.T) {
	p := connect(t, options(pretend(t, welcoming(t, func(raw grpc.ServerStream, kind wire.Kind) error {
		switch kind {
		case wire.KindStart:
			for _, spoil := range []byte{0, 1, 0} {
				out, err := wire.EncodeOutput(engine.Output{Payload: &engine.Audio{Samples: []float32{1}, Rate: 24000}}, 0)
				if err != nil {
					return err
				}
				out[len(out)-2*wire.StampSize-5] ^= spoil // in the sample
				send(t, raw, wire.KindOutput, 1, out)
				if spoil != 0 {
					break
				}
			}
		case wire.KindAbort:
			send(t, raw, wire.KindDone, 1, wire.EncodeDone(engine.ErrAborted))
		}
		return nil
	}))))
	s := begin(t, p, engine.Request{})
	if _, err := s.Recv(t.Context()); err != nil {
		t.Errorf("the output before it: %v", err)
	}
	if _, err := s.Recv(t.Context()); !errors.Is(err, wire.ErrChecksum) {
		t.Errorf("error %v", err)
	}
	if p.Replicas("talker") != 1 {
		t.Error("the peer is lost with it")
	}
}

func TestPayloadThatWasChangedOnItsWayFailsItsRequestAlone(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	p := connect(t, options(h.address))
	bad, good := begin(t, p, engine.Request{}), begin(t, p, engine.Request{})
	body, err := wire.EncodeData(frames(1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	body[12] ^= 1
	bad.(*stream).put(wire.KindData, body, true)
	if _, _, err := drain(t, bad); err == nil || err.Error() != wire.ErrChecksum.Error() {
		t.Errorf("error %v", err)
	}
	<-bad.Done()
	cross(t, good, frames(1))
	good.CloseSend()
	if samples, _, err := drain(t, good); err != nil || len(samples) != 1 {
		t.Errorf("the other request: %d samples, %v", len(samples), err)
	}
}

// TestCallerThatTalksNonsenseIsDropped breaks the rules in each way that a
// connection cannot go on after.
func TestCallerThatTalksNonsenseIsDropped(t *testing.T) {
	h := serve(t, local, HostOptions{depth: 2}, func(x *turn, _ engine.Request) { x.WaitForAbort() })
	data, err := wire.EncodeData(frames(1))
	if err != nil {
		t.Fatal(err)
	}
	for name, say := range map[string]func(s *stream){
		"too many payloads": func(s *stream) {
			for range 6 {
				s.put(wire.KindData, append([]byte(nil), data...), true)
			}
		},
		"too much credit": func(s *stream) { s.put(wire.KindCredit, wire.EncodeCount(9), false) },
		"a payload at the end": func(s *stream) {
			s.put(wire.KindCloseSend, nil, false)
			s.put(wire.KindData, append([]byte(nil), data...), true)
		},
		"two ends":         func(s *stream) { s.put(wire.KindCloseSend, nil, false); s.put(wire.KindCloseSend, nil, false) },
		"a stream twice":   func(s *stream) { s.put(wire.KindStart, wire.Start{Stage: "talker"}.Encode(), false) },
		"a host's message": func(s *stream) { s.put(wire.KindDone, wire.EncodeDone(nil), false) },
	} {
		s := begin(t, connect(t, options(h.address)), engine.Request{}).(*stream)
		say(s)
		if _, err := s.Recv(t.Context()); !errors.Is(err, engine.ErrLost) {
			t.Errorf("%s: error %v", name, err)
		}
		<-s.Done()
	}
}

func TestHealthServiceSaysWhetherTheHostTakesRequests(t *testing.T) {
	h := serve(t, local, HostOptions{}, echo)
	conn, err := grpc.NewClient(h.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	check := func(want grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for _, service := range []string{"", serviceName} {
			r, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
			if err != nil || r.GetStatus() != want {
				t.Errorf("service %q: %v, %v", service, r.GetStatus(), err)
			}
		}
	}
	check(grpc_health_v1.HealthCheckResponse_SERVING)
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	check(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
}
