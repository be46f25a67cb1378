package engine

// Payload is what one stage hands to the next, or the last one to the client.
// It is immutable once handed over.
type Payload interface {
	// Bytes is the size of the payload's data: what a hop has to carry.
	Bytes() int64
}

// Embeddings carries the thinker's token embeddings that the talker reads.
type Embeddings struct {
	// Prompt holds prompt rows, row-major [n, Width]: the user segments in
	// order, then the three head rows of the reply's assistant segment.
	Prompt []float32
	// Text holds rows of spoken tokens, row-major [n, Width].
	Text []float32
	// Width is the length of a row: the thinker's hidden size.
	Width int
}

// Bytes is the size of the rows, four bytes a value.
func (e *Embeddings) Bytes() int64 { return 4 * int64(len(e.Prompt)+len(e.Text)) }

// Frames carries codec frames from the talker to code2wav.
type Frames struct {
	// Codes is frame-major [frames, Groups].
	Codes []int32
	// Groups is the number of codes in a frame.
	Groups int
}

// Bytes is the size of the codes, four bytes each.
func (f *Frames) Bytes() int64 { return 4 * int64(len(f.Codes)) }

// Audio is decoded sound: one channel of samples in [-1, 1].
type Audio struct {
	Samples []float32
	// Rate is in samples a second.
	Rate int
}

// Bytes is the size of the samples, four bytes each.
func (a *Audio) Bytes() int64 { return 4 * int64(len(a.Samples)) }

// Text carries text between stages that talk in it: a sentence to speak, or
// what was said in a recording.
type Text struct{ Text string }

// Bytes is the length of the text in UTF-8.
func (t *Text) Bytes() int64 { return int64(len(t.Text)) }
