package main

// silences are the panels that have nothing to show in the stack.
var silences = []silence{
	{panel: "Limelight / Audio / annotation Starts", why: noRestart},
	{panel: "Limelight / Gateway / annotation Starts", why: noRestart},
	{panel: "Limelight / Hops / annotation Starts", why: noRestart},
	{panel: "Limelight / Pipeline / annotation Starts", why: noRestart},
	{panel: "Limelight / Stages and replicas / annotation Starts", why: noRestart},
	{panel: "Limelight / Stages and replicas / Between two uses of a block, p90", why: "no KV block is used again and evicted afterwards: that takes a cache that is full"},
	{panel: "Limelight / Stages and replicas / Hits of other caches", why: "there is no other cache: no KV connector, no images"},
}

const noRestart = "the front and the relay run to the end; what is killed and started again are servers behind them"
