package qwen3omni

import "github.com/limelight-omni/limelight/internal/tensor"

// Thinker writes text: an embedding table, a stack with experts, and a head. It
// is read-only.
type Thinker struct {
	embeddings tensor.Matrix // [vocab, hidden]
	decoder    *Decoder
	head       tensor.Matrix // [vocab, hidden]
}

func newThinker(c *ThinkerConfig, w weights) *Thinker {
	t := &Thinker{
		embeddings: w.matrix("thinker.model.embed_tokens.weight", c.Vocab, c.Hidden),
		decoder:    newDecoder(w, "thinker.model", c.DecoderConfig),
	}
	if c.TiedEmbeddings {
		t.head = t.embeddings
	} else {
		t.head = w.matrix("thinker.lm_head.weight", c.Vocab, c.Hidden)
	}
	return t
}

// Decoder is the thinker's stack.
func (t *Thinker) Decoder() *Decoder { return t.decoder }

// Vocab is the number of token ids.
func (t *Thinker) Vocab() int { return t.embeddings.Rows }

// Embed writes the embeddings of ids, each less than Vocab, to dst, [len(ids),
// hidden].
func (t *Thinker) Embed(dst []float32, ids []int32) {
	h := t.embeddings.Cols
	for i, id := range ids {
		t.embeddings.Row(dst[i*h:(i+1)*h], int(id))
	}
}

// Logits writes the scores of all tokens to dst, [rows, vocab], from the
// hidden states that Decoder.Forward made, [rows, hidden].
func (t *Thinker) Logits(dst, hidden []float32, rows int) { t.head.MulRows(dst, hidden, rows) }
