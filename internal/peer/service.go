package peer

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/limelight-omni/limelight/internal/peer/wire"
)

// The gRPC service: one method, one stream a connection.
const (
	serviceName   = "limelight.peer.v1.Peer"
	connectMethod = "/" + serviceName + "/Connect"
)

var connectDesc = grpc.StreamDesc{StreamName: "Connect", ServerStreams: true, ClientStreams: true}

// A side that has heard nothing for keepaliveTime asks whether the other is
// there, and takes the connection for lost after keepaliveTimeout.
const (
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 5 * time.Second
)

var clientKeepalive = keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout, PermitWithoutStream: true}

// refusedCode is the status of a connection that the peer refuses.
const refusedCode = codes.FailedPrecondition

// refusal is an error that trying again does not mend: the two sides do not fit.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func isRefusal(err error) bool {
	var r refusal
	return errors.As(err, &r)
}

// plain is a gRPC error without gRPC's way of saying it.
func plain(err error) error {
	if err == io.EOF {
		return errors.New("it ended the connection")
	}
	if s, ok := status.FromError(err); ok && err != nil {
		if s.Code() == refusedCode {
			return refusal{errors.New(s.Message())}
		}
		return errors.New(s.Message())
	}
	return err
}

func otherModel(theirs, theirPrint, ours, ourPrint string) error {
	return fmt.Errorf("it runs another model: %s (%s), not %s (%s)", theirs, theirPrint, ours, ourPrint)
}

func stageList(offers []wire.StageOffer) string {
	names := make([]string, len(offers))
	for i, o := range offers {
		names[i] = o.Name
	}
	return strings.Join(names, ", ")
}
