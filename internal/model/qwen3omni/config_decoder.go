package qwen3omni

import "slices"

// parseDecoder reads what every stack's configuration has.
func parseDecoder(f fields) DecoderConfig {
	c := DecoderConfig{
		Hidden:    f.positive("hidden_size"),
		Layers:    f.layers("num_hidden_layers"),
		Heads:     f.positive("num_attention_heads"),
		KVHeads:   f.positive("num_key_value_heads"),
		Eps:       float32(f.float("rms_norm_eps")),
		RopeTheta: parseRope(f),
	}
	c.MaxPositions = 32768
	if name := "max_position_embeddings"; f.has(name) {
		c.MaxPositions = f.positive(name)
	}
	switch {
	case f.has("head_dim"):
		c.HeadDim = f.positive("head_dim")
	case c.Heads > 0 && c.Hidden%c.Heads == 0:
		c.HeadDim = c.Hidden / c.Heads
	default:
		f.fail("head_dim", "is missing, and hidden_size %d is not a multiple of num_attention_heads %d", c.Hidden, c.Heads)
	}
	checkHeads(f, c.Heads, c.KVHeads, c.HeadDim)
	checkActivation(f)
	if f.flag("use_sliding_window", false) {
		f.fail("use_sliding_window", "true is not supported")
	}
	if f.has("layer_types") {
		var types []string
		f.read("layer_types", &types, "a list of strings")
		if slices.ContainsFunc(types, func(t string) bool { return t != "full_attention" }) {
			f.fail("layer_types", "only full_attention is supported")
		}
	}
	return c
}

// parseExperts reads the mixture of experts. NormTopK's default is not the
// same in all stacks.
func parseExperts(f fields, c *DecoderConfig, normTopK bool) {
	name := "num_experts"
	if !f.has(name) && f.has("num_local_experts") {
		name = "num_local_experts"
	}
	if !f.has(name) {
		f.fail(name, "is missing")
	}
	c.Experts = f.optional(name, 0)
	if c.Experts == 0 {
		return
	}
	c.ExpertsPerToken = f.positive("num_experts_per_tok")
	c.MoEIntermediate = f.positive("moe_intermediate_size")
	c.NormTopK = f.flag("norm_topk_prob", normTopK)
	if c.ExpertsPerToken > c.Experts {
		f.fail("num_experts_per_tok", "%d is more than the %d experts", c.ExpertsPerToken, c.Experts)
	}
}

// parseRope reads rope_theta, which transformers 5 keeps in rope_parameters.
func parseRope(f fields) float64 {
	for _, name := range []string{"rope_parameters", "rope_scaling"} {
		if !f.has(name) {
			continue
		}
		o := f.object(name)
		for _, key := range []string{"rope_type", "type"} {
			if t := o.text(key); t != "" && t != "default" && t != "mrope" {
				o.fail(key, "%q is not supported", t)
			}
		}
		if o.has("rope_theta") {
			return o.float("rope_theta")
		}
	}
	return f.float("rope_theta")
}

func checkHeads(f fields, heads, kvHeads, dim int) {
	if kvHeads > 0 && heads%kvHeads != 0 {
		f.fail("num_key_value_heads", "%d does not divide num_attention_heads %d", kvHeads, heads)
	}
	if dim%2 != 0 {
		f.fail("head_dim", "%d is odd", dim)
	}
}

func checkActivation(f fields) {
	if act := f.text("hidden_act"); act != "" && act != "silu" {
		f.fail("hidden_act", "%q is not supported", act)
	}
	if f.flag("attention_bias", false) {
		f.fail("attention_bias", "true is not supported")
	}
}
