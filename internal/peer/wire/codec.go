package wire

import (
	"fmt"
	"time"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec of everything that is not a frame
	"google.golang.org/grpc/mem"
)

// Outbound is a frame on its way to gRPC, which keeps the bytes until they are
// written: they must not change afterwards.
type Outbound struct{ Header, Part []byte }

// Inbound receives one frame. Free must be called once Data is done with.
type Inbound struct {
	// Now is the clock that Taken is read from.
	Now func() time.Time
	// Taken is when gRPC had the frame's last byte and handed it over.
	Taken time.Time
	// Data is the frame.
	Data []byte

	buffer mem.Buffer
}

// Free gives the frame's memory back to gRPC.
func (in *Inbound) Free() {
	if in.buffer != nil {
		in.buffer.Free()
	}
	in.buffer, in.Data = nil, nil
}

// Codec lets gRPC carry frames as they are. Anything else, such as the messages
// of the health service, it leaves to gRPC's own codec for protocol buffers.
type Codec struct{}

// Name implements encoding.CodecV2.
func (Codec) Name() string { return "limelight" }

// Marshal implements encoding.CodecV2.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	if out, ok := v.(*Outbound); ok {
		return mem.BufferSlice{mem.SliceBuffer(out.Header), mem.SliceBuffer(out.Part)}, nil
	}
	return protocolBuffers().Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	if in, ok := v.(*Inbound); ok {
		in.Taken = in.Now()
		in.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
		in.Data = in.buffer.ReadOnlyData()
		return nil
	}
	return protocolBuffers().Unmarshal(data, v)
}

func protocolBuffers() encoding.CodecV2 {
	c := encoding.GetCodecV2("proto")
	if c == nil {
		panic(fmt.Sprintf("BUG: gRPC has no codec %q", "proto"))
	}
	return c
}

var _ encoding.CodecV2 = Codec{}
