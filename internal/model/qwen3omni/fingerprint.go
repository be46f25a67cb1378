package qwen3omni

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
)

// Fingerprint identifies the model in 16 hexadecimal digits: two processes that
// work for the same requests must have the same. It covers the configuration
// and a few rows of the thinker's and the talker's embeddings, so that another
// training of the same architecture shows without all weights being read.
func (m *Model) Fingerprint() string {
	h := sha256.New()
	c := m.Config
	if err := json.NewEncoder(h).Encode([]any{c, m.Generation}); err != nil {
		panic("BUG: the configuration has no JSON: " + err.Error())
	}
	rows := make([]float32, 3*m.Thinker.Decoder().Hidden())
	m.Thinker.Embed(rows, []int32{c.IMStart, c.Assistant, c.TTSBOS})
	code := make([]float32, m.Talker.Decoder().Hidden())
	m.Talker.EmbedCode(code, c.Talker.CodecBOS)
	for _, values := range [][]float32{rows, code} {
		if err := binary.Write(h, binary.LittleEndian, values); err != nil {
			panic("BUG: " + err.Error())
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
