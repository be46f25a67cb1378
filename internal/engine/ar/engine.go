// Package ar is the embedded autoregressive engine: it runs the thinker or the
// talker for many requests at once, by continuous batching over a paged KV
// cache. Each step gathers the input rows that the running sequences have
// ready (whole prompts, pieces of long ones, single decode rows), runs them
// through the transformer in one batch, and lets the sequences that have no
// known row left choose their next token.
package ar

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
	"github.com/limelight-omni/limelight/internal/model/qwen3omni"
)

// Config sizes an engine. Zero values mean the defaults named at each field. An
// engine must not be made from one that Complete refuses.
type Config struct {
	// MaxSeqs bounds the sequences that a step works for; default 64.
	MaxSeqs int
	// MaxBatchedTokens bounds the rows of one step; a longer prefill is done in
	// pieces. Default 2048.
	MaxBatchedTokens int
	// MaxModelLen bounds prompt and generated tokens together; default 32768. A
	// KV cache that holds less bounds them further.
	MaxModelLen int
	// BlockSize is the number of positions in a KV block; default 16.
	BlockSize int
	// Blocks is the number of KV blocks. The default is as many as KVCacheBytes
	// hold, whose default is what MaxSeqs sequences of MaxModelLen take, but not
	// more than DefaultKVCacheBytes unless a single sequence takes more. A block
	// takes memory once it is first used.
	Blocks       int
	KVCacheBytes int64
	// NoPrefixCaching computes every prompt from its first token on, instead of
	// using the blocks that another sequence with the same beginning has filled.
	NoPrefixCaching bool
	// BlockSampling is the share of the KV blocks, 0 to 1, whose lives the
	// listeners are told of; default 0.
	BlockSampling float64
	// Listeners are told what happens.
	Listeners []Listener

	now func() time.Time // the clock; tests set it
}

// DefaultKVCacheBytes bounds a KV cache whose size is not configured.
const DefaultKVCacheBytes = 4 << 30

// Complete fills in the defaults for the decoder of the engine's stage. It is an
// error if KVCacheBytes holds not a single block.
func (c Config) Complete(d *qwen3omni.Decoder) (Config, error) {
	c.MaxSeqs = orDefault(c.MaxSeqs, 64)
	c.MaxBatchedTokens = orDefault(c.MaxBatchedTokens, 2048)
	c.MaxModelLen = orDefault(c.MaxModelLen, 32768)
	c.BlockSize = orDefault(c.BlockSize, 16)
	if c.now == nil {
		c.now = time.Now
	}
	block, whole := d.KVBlockBytes(c.BlockSize), ceilDiv(c.MaxModelLen, c.BlockSize)
	if c.KVCacheBytes <= 0 {
		c.KVCacheBytes = min(int64(c.MaxSeqs*whole)*block, max(DefaultKVCacheBytes, int64(whole)*block))
	}
	c.Blocks = orDefault(c.Blocks, int(c.KVCacheBytes/block))
	if c.Blocks < 1 {
		return c, fmt.Errorf("a KV cache of %d bytes holds no block: one of %d positions takes %d", c.KVCacheBytes, c.BlockSize, block)
	}
	c.KVCacheBytes = int64(c.Blocks) * block
	c.MaxModelLen = min(c.MaxModelLen, c.Blocks*c.BlockSize)
	return c, nil
}

// model is the stage's side of the engine: what a sequence's rows are and what
// its hidden states mean.
type model interface {
	decoder() *qwen3omni.Decoder
	// open makes the state of one sequence. It refuses a request that the model
	// can never serve.
	open(req engine.Request) (program, error)
	// decide turns the last hidden state of each sequence, row-major, into its
	// next token, and hands out what the sequence has to say.
	decide(batch []*sequence, hidden []float32)
}

// program is the stage-specific state of one sequence.
type program interface {
	// intake takes from the exchange what the sequence needs to go on, and no
	// more than that.
	intake(x *engine.Exchange) error
	// rows is the number of input rows known so far.
	rows() int
	// most bounds the rows that the sequence can come to have; it is asked
	// once rows is positive.
	most() int
	// embed writes the known input rows from..to, row-major.
	embed(dst []float32, from, to int)
	// content appends what the known input rows from..to are made of: rows of
	// equal content are equal.
	content(dst []byte, from, to int) []byte
	// over says that the sequence ends without another row: its input was
	// empty.
	over() bool
	// usage counts the sequence's tokens.
	usage() engine.Usage
}

// Engine runs one replica. It implements engine.Engine.
type Engine struct {
	cfg   Config
	model model
	now   func() time.Time
	tell  listeners

	wake   chan struct{}
	closed chan struct{}
	gone   chan struct{} // closed when the loop has returned

	mu      sync.Mutex // guards the fields below
	arrived []*sequence
	closing bool
	state   State // as the loop last left it, without what arrived since

	// The loop alone uses the rest.
	waiting []*sequence
	running []*sequence
	kv      *qwen3omni.KVCache
	scratch *qwen3omni.Scratch
	blocks  *blockPool
	batch   []*sequence // the step's sequences
	budget  int         // rows left of the step
	leaving []*sequence // released, and not told of it yet
	found   []int32     // blocks found in the prefix cache
	content []byte      // of one block
	buffers stepBuffers
	report  Step
}

func newEngine(m model, cfg Config) *Engine {
	e := assemble(m, cfg)
	go e.loop()
	return e
}

// assemble makes an engine whose loop does not run yet.
func assemble(m model, cfg Config) *Engine {
	cfg, err := cfg.Complete(m.decoder())
	if err != nil {
		panic("BUG: " + err.Error())
	}
	e := &Engine{
		cfg:     cfg,
		model:   m,
		now:     cfg.now,
		tell:    cfg.Listeners,
		wake:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
		gone:    make(chan struct{}),
		state:   State{FreeBlocks: cfg.Blocks, Blocks: cfg.Blocks},
		kv:      m.decoder().NewKVCache(cfg.Blocks, cfg.BlockSize),
		scratch: m.decoder().NewScratch(),
	}
	var prefixes *prefixIndex
	if !cfg.NoPrefixCaching {
		prefixes = newPrefixIndex(cfg.Blocks)
	}
	var lives *blockLives
	if cfg.BlockSampling > 0 && prefixes != nil { // without a cache no content is ever evicted
		lives = newBlockLives(cfg.Blocks, cfg.BlockSampling, cfg.now, e.tell)
	}
	e.blocks = newBlockPool(cfg.Blocks, cfg.BlockSize, prefixes, lives)
	return e
}

// Start implements engine.Engine. It refuses a request whose prompt the engine
// could never hold, or that the model does not understand. A prompt that is not
// known yet is measured when it is; the stream fails then.
func (e *Engine) Start(req engine.Request) (engine.Stream, error) {
	req.Sampling.MaxTokens = min(req.Sampling.MaxTokens, e.cfg.MaxModelLen) // state is sized by it
	p, err := e.model.open(req)
	if err != nil {
		return nil, err
	}
	seq := &sequence{
		Exchange: engine.NewExchange(intakeDepth, outputDepth, e.signal),
		req:      req,
		program:  p,
		sampler:  newSampler(req.Sampling),
		now:      e.now,
	}
	seq.life = Life{Request: &seq.req, Queued: e.now()}
	seq.life.Arrived = seq.life.Queued
	if !req.Arrived.IsZero() {
		seq.life.Arrived = req.Arrived
	}
	if err := e.measure(seq); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return nil, engine.ErrClosed
	}
	e.arrived = append(e.arrived, seq)
	e.signal()
	return seq.Exchange, nil
}

// Close implements engine.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	if !e.closing {
		e.closing = true
		close(e.closed)
	}
	e.mu.Unlock()
	<-e.gone
	return nil
}

// Closed says whether the engine has been closed and does nothing any more.
func (e *Engine) Closed() bool {
	select {
	case <-e.gone:
		return true
	default:
		return false
	}
}

func (e *Engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// loop is the engine's life: step while there is work, sleep while there is none.
func (e *Engine) loop() {
	defer close(e.gone)
	for {
		select {
		case <-e.closed:
			e.endAll(engine.ErrClosed)
			return
		default:
		}
		if e.pass() {
			runtime.Gosched() // whoever waits for an output takes it before the next step
			continue
		}
		select {
		case <-e.wake:
		case <-e.closed:
		}
	}
}

// pass does one step if there is anything to do.
func (e *Engine) pass() bool {
	e.collect()
	if len(e.leaving) > 0 {
		e.publish()
		e.depart()
	}
	if e.schedule() {
		e.step()
		return true
	}
	e.publish()
	return false
}

// depart ends the sequences that were released, whose users see it now.
func (e *Engine) depart() {
	for _, s := range e.leaving {
		s.leave()
	}
	clear(e.leaving)
	e.leaving = e.leaving[:0]
}

// endAll ends every sequence with err.
func (e *Engine) endAll(err error) {
	e.mu.Lock()
	all := append(append(e.arrived, e.waiting...), e.running...)
	e.arrived = nil
	e.mu.Unlock()
	for _, s := range all {
		if s.Aborted() {
			e.release(s, engine.ErrAborted)
		} else {
			e.release(s, err)
		}
	}
	e.waiting, e.running = nil, nil
	e.publish()
	e.depart()
}

// release frees a sequence's blocks and tells of its end; a nil err is a natural
// one. Its user learns of it from depart.
func (e *Engine) release(s *sequence, err error) {
	e.blocks.drop(s.blocks)
	s.blocks = nil
	s.life.Ended = e.now()
	e.tell.ended(&s.life, s.reason(err))
	s.err = err
	e.leaving = append(e.leaving, s)
}

// Config is the engine's configuration with all defaults filled in.
func (e *Engine) Config() Config { return e.cfg }

// State tells how the engine is doing. It may be called from any goroutine.
func (e *Engine) State() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.state
	for _, seq := range e.arrived {
		s.wait(seq)
	}
	return s
}

// publish makes State say how the engine is doing now, and returns it.
func (e *Engine) publish() State {
	s := State{Running: len(e.running), FreeBlocks: e.blocks.free, Blocks: len(e.blocks.blocks)}
	for _, seq := range e.waiting {
		s.wait(seq)
	}
	e.mu.Lock()
	e.state = s
	e.mu.Unlock()
	return s
}

func orDefault(v, def int) int {
	if v <= 0 {
		return def
	}
	return v
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

var _ engine.Engine = (*Engine)(nil)
