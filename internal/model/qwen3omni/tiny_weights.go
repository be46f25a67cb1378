package qwen3omni

import (
	"fmt"
	"strings"
)

// Heads have no bias, so random weights alone cannot say how often a token is
// chosen. The tiny model keeps two elements of every hidden state clean for
// that: no layer writes to them, only embeddings do.
const (
	biasElement = 0 // the same in every embedding: what a head reads from it is a bias
	padElement  = 1 // set where the talker's text is padding
)

// What the embeddings write there, and about what is left of it behind the
// final norms.
const (
	biasValue     = 12
	thinkerBias   = 4.9
	talkerBias    = 4.2
	padValue      = 12
	talkerPadding = 3.4
)

// Scores of the kinds of tokens, in natural logarithms, on top of a random
// part; whole words have 0.
const (
	characterScore = -4
	specialScore   = -30
	endScore       = 1.6 // of the end of the message: about one token in 50
	// The end of speech is all but impossible while text comes in, and about one
	// frame in 15 behind it.
	codecEndScore    = -4.8
	codecEndAfterPad = 5.5
)

// Gains of the sound's decoder, which bring its peaks to between 0.2 and 0.9.
const (
	residualGain = 0.4
	lastGain     = 0.12
)

// tinyAdjustment returns the function that turns random tensors into those of
// the tiny model.
func tinyAdjustment(c *Config) func(name string, data []float32, shape []int) {
	pieces := len(TinyVocabulary())
	characters := pieces - len(strings.Fields(tinyWords))
	lastConvolution := fmt.Sprintf("code2wav.decoder.%d.conv.weight", len(c.Code2Wav.UpsampleRates)+2)
	return func(name string, data []float32, shape []int) {
		m := grid{data, shape[len(shape)-1]}
		switch {
		case name == "thinker.model.norm.weight", name == "talker.model.norm.weight":
			data[biasElement], data[padElement] = 1, 1
		case strings.HasSuffix(name, ".o_proj.weight"), strings.HasSuffix(name, ".down_proj.weight"):
			clear(m.row(biasElement))
			clear(m.row(padElement))
		case name == "thinker.model.embed_tokens.weight":
			m.column(biasElement, biasValue)
			m.column(padElement, 0)
			m.row(int(c.TTSPad))[padElement] = padValue
		case name == "thinker.lm_head.weight":
			m.scale(1.2)
			m.column(padElement, 0)
			for id := range shape[0] {
				score := float32(0)
				switch {
				case id == int(c.IMEnd):
					clear(m.row(id))
					score = endScore
				case id >= pieces:
					score = specialScore
				case id < characters:
					score = characterScore
				}
				m.row(id)[biasElement] = score / thinkerBias
			}
		case name == "talker.text_projection.linear_fc1.weight":
			// Inner unit 0 passes the pad's mark on.
			clear(m.row(0))
			m.row(0)[padElement] = 1
			for unit := 1; unit < shape[0]; unit++ {
				m.row(unit)[biasElement], m.row(unit)[padElement] = 0, 0
			}
		case name == "talker.text_projection.linear_fc2.weight":
			m.column(0, 0)
			clear(m.row(biasElement))
			clear(m.row(padElement))
			m.row(padElement)[0] = 1
		case strings.HasPrefix(name, "talker.text_projection."): // biases
			data[0], data[1] = 0, 0
		case name == "talker.model.codec_embedding.weight":
			m.column(biasElement, biasValue)
			m.column(padElement, 0)
		case strings.HasPrefix(name, "talker.code_predictor.model.codec_embedding."):
			m.scale(0.25) // a frame's input is the sum of 15 of them
			m.column(biasElement, 0)
			m.column(padElement, 0)
		case name == "talker.codec_head.weight":
			m.column(biasElement, 0)
			m.column(padElement, 0)
			end := m.row(int(c.Talker.CodecEOS))
			clear(end)
			end[biasElement] = codecEndScore / talkerBias
			end[padElement] = codecEndAfterPad / talkerPadding
		case strings.HasPrefix(name, "code2wav.decoder.") && strings.HasSuffix(name, ".conv2.conv.weight"):
			m.scale(residualGain)
		case name == lastConvolution:
			// Taps that sum to zero keep the offset of the activations out of the sound.
			for channel := range shape[1] {
				taps := data[channel*shape[2] : (channel+1)*shape[2]]
				var sum float32
				for _, v := range taps {
					sum += v
				}
				for i := range taps {
					taps[i] = lastGain * (taps[i] - sum/float32(len(taps)))
				}
			}
		}
	}
}

// grid is a tensor seen as a matrix.
type grid struct {
	data []float32
	cols int
}

func (g grid) row(i int) []float32 { return g.data[i*g.cols : (i+1)*g.cols] }

func (g grid) column(j int, v float32) {
	for i := j; i < len(g.data); i += g.cols {
		g.data[i] = v
	}
}

func (g grid) scale(v float32) {
	for i := range g.data {
		g.data[i] *= v
	}
}
