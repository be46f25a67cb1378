package qwen3omni

import (
	"errors"
	"fmt"
	"math"

	"github.com/limelight-omni/limelight/internal/tensor"
)

// sampleRate is the rate of the architecture's sound, which no field of the
// configuration holds: 12.5 codec frames a second of 1920 samples each.
const sampleRate = 24000

const (
	convKernel = 7 // of all causal convolutions but the pointwise ones
	normEps    = 1e-6
)

// residualDilations are those of the three residual units of a decoder block.
var residualDilations = [3]int{1, 3, 9}

// ErrMalformedCodec is wrapped by the errors of codec frames that the model can
// not decode.
var ErrMalformedCodec = errors.New("malformed codec frames")

// Code2Wav turns codec frames into sound: an embedding, a transformer with a
// sliding window, two upsampling stages and a convolutional decoder. It is
// read-only; the state of a sound is in its stream.
type Code2Wav struct {
	cfg       Code2WavConfig
	embedding tensor.Matrix // [Quantizers*CodebookSize, Hidden]
	layers    []wavLayer
	norm      []float32
	upsample  []upsampler
	first     tensor.CausalConv
	blocks    []wavBlock
	snake     tensor.Snake
	last      tensor.CausalConv
}

// wavLayer is a layer of the transformer. Its branches are scaled before they
// are added.
type wavLayer struct {
	inputNorm, postNorm      []float32
	q, k, v, o               tensor.Matrix
	mlp                      mlp
	attentionScale, mlpScale []float32
}

// upsampler is a transposed convolution and a ConvNeXt block.
type upsampler struct {
	up                       tensor.SplitConv
	depthwise                tensor.DepthwiseConv
	normWeight, normBias     []float32
	expand, contract         tensor.Matrix
	expandBias, contractBias []float32
	gamma                    []float32
}

// wavBlock is a block of the decoder: it multiplies the rate by its stride and
// halves the channels.
type wavBlock struct {
	snake tensor.Snake
	up    tensor.UpConv
	units [len(residualDilations)]residualUnit
}

type residualUnit struct {
	snake1 tensor.Snake
	conv1  tensor.CausalConv
	snake2 tensor.Snake
	conv2  tensor.CausalConv
}

func newCode2Wav(cfg Code2WavConfig, w weights) (*Code2Wav, error) {
	c := &Code2Wav{cfg: cfg}
	h := cfg.Hidden
	const root = "code2wav."
	c.embedding = w.matrix(root+"code_embedding.weight", cfg.Quantizers*cfg.CodebookSize, h)
	for i := range cfg.Layers {
		c.layers = append(c.layers, newWavLayer(w, fmt.Sprintf("%spre_transformer.layers.%d", root, i), &cfg))
	}
	c.norm = w.vector(root+"pre_transformer.norm.weight", h)

	// Weights are re-ordered as they are read, so each read is checked at once.
	conv := func(name string, out, in, kernel, dilation int) tensor.CausalConv {
		weight, bias := w.tensor(name+".conv.weight", out, in, kernel), w.vector(name+".conv.bias", out)
		if w.err() != nil {
			return tensor.CausalConv{}
		}
		return tensor.NewCausalConv(out, in, kernel, dilation, weight, bias)
	}
	snake := func(name string, channels int) tensor.Snake {
		alpha, beta := w.vector(name+".alpha", channels), w.vector(name+".beta", channels)
		if w.err() != nil {
			return tensor.Snake{}
		}
		return tensor.NewSnake(alpha, beta)
	}
	for i, ratio := range cfg.UpsamplingRatios {
		u, err := newUpsampler(w, fmt.Sprintf("%supsample.%d", root, i), h, ratio)
		if err != nil {
			return nil, err
		}
		c.upsample = append(c.upsample, u)
	}
	c.first = conv(root+"decoder.0", cfg.DecoderDim, h, convKernel, 1)
	channels := cfg.DecoderDim
	for i, rate := range cfg.UpsampleRates {
		name := fmt.Sprintf("%sdecoder.%d.block", root, i+1)
		b := wavBlock{snake: snake(name+".0", channels)}
		weight, bias := w.tensor(name+".1.conv.weight", channels, channels/2, 2*rate), w.vector(name+".1.conv.bias", channels/2)
		if err := w.err(); err != nil {
			return nil, err
		}
		b.up = tensor.NewUpConv(channels, channels/2, rate, weight, bias)
		channels /= 2
		for j, dilation := range residualDilations {
			unit := fmt.Sprintf("%s.%d", name, j+2)
			b.units[j] = residualUnit{
				snake1: snake(unit+".act1", channels),
				conv1:  conv(unit+".conv1", channels, channels, convKernel, dilation),
				snake2: snake(unit+".act2", channels),
				conv2:  conv(unit+".conv2", channels, channels, 1, 1),
			}
		}
		c.blocks = append(c.blocks, b)
	}
	n := len(cfg.UpsampleRates)
	c.snake = snake(fmt.Sprintf("%sdecoder.%d", root, n+1), channels)
	c.last = conv(fmt.Sprintf("%sdecoder.%d", root, n+2), 1, channels, convKernel, 1)
	if err := w.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func newWavLayer(w weights, name string, cfg *Code2WavConfig) wavLayer {
	h := cfg.Hidden
	kv := cfg.KVHeads * cfg.headDim()
	return wavLayer{
		inputNorm:      w.vector(name+".input_layernorm.weight", h),
		postNorm:       w.vector(name+".post_attention_layernorm.weight", h),
		q:              w.matrix(name+".self_attn.q_proj.weight", h, h),
		k:              w.matrix(name+".self_attn.k_proj.weight", kv, h),
		v:              w.matrix(name+".self_attn.v_proj.weight", kv, h),
		o:              w.matrix(name+".self_attn.o_proj.weight", h, h),
		mlp:            newMLP(w, name+".mlp", h, cfg.Intermediate),
		attentionScale: w.vector(name+".self_attn_layer_scale.scale", h),
		mlpScale:       w.vector(name+".mlp_layer_scale.scale", h),
	}
}

func newUpsampler(w weights, name string, h, ratio int) (upsampler, error) {
	up, upBias := w.tensor(name+".0.conv.weight", h, h, ratio), w.vector(name+".0.conv.bias", h)
	dw, dwBias := w.tensor(name+".1.dwconv.conv.weight", h, 1, convKernel), w.vector(name+".1.dwconv.conv.bias", h)
	u := upsampler{
		normWeight:   w.vector(name+".1.norm.weight", h),
		normBias:     w.vector(name+".1.norm.bias", h),
		expand:       w.matrix(name+".1.pwconv1.weight", 4*h, h),
		expandBias:   w.vector(name+".1.pwconv1.bias", 4*h),
		contract:     w.matrix(name+".1.pwconv2.weight", h, 4*h),
		contractBias: w.vector(name+".1.pwconv2.bias", h),
		gamma:        w.vector(name+".1.gamma", h),
	}
	if err := w.err(); err != nil {
		return upsampler{}, err
	}
	u.up = tensor.NewSplitConv(h, h, ratio, up, upBias)
	u.depthwise = tensor.NewDepthwiseConv(h, convKernel, dw, dwBias)
	return u, nil
}

func (c *Code2WavConfig) headDim() int { return c.Hidden / c.Heads }

// SampleRate is the rate of the sound, in samples a second.
func (c *Code2Wav) SampleRate() int { return sampleRate }

// Groups is the number of codes in a frame.
func (c *Code2Wav) Groups() int { return c.cfg.Quantizers }

// CodebookSize is the number of codes that each group knows.
func (c *Code2Wav) CodebookSize() int { return c.cfg.CodebookSize }

// SamplesPerFrame is the number of samples that each frame adds to a sound.
func (c *Code2Wav) SamplesPerFrame() int {
	n := 1
	for _, r := range c.cfg.UpsamplingRatios {
		n *= r
	}
	for _, r := range c.cfg.UpsampleRates {
		n *= r
	}
	return n
}

// Lost is the number of samples by which a sound is shorter than its frames:
// every block of the decoder withholds its first stride. It is 555 for the
// rates 8, 5, 4, 3.
func (c *Code2Wav) Lost() int {
	lost := 0
	for _, r := range c.cfg.UpsampleRates {
		lost = (lost + 1) * r
	}
	return lost
}

// Check says whether frames of codes, frame-major [frames, Groups], can be
// decoded. The error wraps ErrMalformedCodec and names the first code that is
// wrong.
func (c *Code2Wav) Check(codes []int32) error {
	groups := c.cfg.Quantizers
	if len(codes)%groups != 0 {
		return fmt.Errorf("%w: %d codes are not whole frames of %d", ErrMalformedCodec, len(codes), groups)
	}
	for i, code := range codes {
		if code < 0 || int(code) >= c.cfg.CodebookSize {
			return fmt.Errorf("%w: frame %d, group %d: code %d is not in the codebook of %d", ErrMalformedCodec, i/groups, i%groups, code, c.cfg.CodebookSize)
		}
	}
	return nil
}

// attentionFactor scales the scores of the transformer's attention.
func (c *Code2WavConfig) attentionFactor() float32 {
	return float32(1 / math.Sqrt(float64(c.headDim())))
}
