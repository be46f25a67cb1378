package metrics

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

//go:generate go test -run TestDocumentationIsCurrent -update

const documentHead = "# Metrics\n\n" +
	"<!-- Made from the family table by `go generate ./metrics`; do not edit. -->\n\n" +
	"`GET /metrics` answers in the Prometheus text format, 0.0.4, or in OpenMetrics 1.0 to a client whose `Accept` prefers it. The `vllm:omni_` families have the names, labels, units and\n" +
	"buckets of vLLM-Omni's production metrics page; the other `vllm:` families are those of vLLM's engine, with `stage` and `replica` in place\n" +
	"of `engine`; `http_` families are those of its HTTP instrumentation.\n\n" +
	"- Recording needs `--log-stats`. Without it the page names the `vllm:omni_` families (HELP and TYPE) and shows no sample\n" +
	"  of them, and has no engine family; `http_`, `process_` and `go_` families stay. A family without a child is named the same way.\n" +
	"- `model_name` is the served name, on every `vllm:` family but `vllm:cache_config_info`, as in vLLM. `stage` and `replica` are decimal ids.\n" +
	"- Children whose labels are a closed set exist at zero from the start; transfer edges appear with their first hop.\n" +
	"- There are no `_created` series, and `go_` families stand where the reference has `python_` ones. Bucket bounds are\n" +
	"  written as Go writes them (`le=\"1\"`), which Prometheus 3 stores as `le=\"1.0\"`.\n" +
	"- `limelight_` families are Limelight's own. They keep Prometheus' conventions for names.\n" +
	"- With `--exemplars` (the default) pages in OpenMetrics show the id of a request with each bucket of\n" +
	"  `vllm:omni_e2e_request_latency_s` and `vllm:omni_audio_ttfp_s`: label and id are at most 128 characters long.\n" +
	"- With `--native-histograms` the families that say so have a native (exponential) histogram beside the classic one, which stays as it is, and\n" +
	"  a client whose `Accept` prefers it gets the page in Prometheus' protobuf format, which alone carries the native form\n" +
	"  ([native-histograms.md](native-histograms.md)).\n" +
	"- *needs* is what a pipeline must have for a family to move, *outcomes that move it* are the kinds of request that do so,\n" +
	"  each by itself. `limelight check --moved` goes by them ([check.md](check.md)).\n" +
	"- A *natural* end is one with the reason stop, length or repetition.\n" +
	"- Engine families follow vLLM's definitions, with some of its flaws mended: a prompt that is looked up in the prefix cache counts once, when it\n" +
	"  is scheduled; a preemption counts when it happens; gauges are read from the engine at scrape, so that an idle one shows the truth. There is\n" +
	"  no null block: `vllm:kv_cache_usage_perc` divides by all blocks. Families of LoRA, speculative decoding and KV connectors do not exist.\n" +
	"- Of engines elsewhere the page has the families of their own pages, or seven of vLLM's as this server sees them ([merge.md](merge.md)).\n"

// WriteMarkdown writes the documentation of every family in the table.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(documentHead)
	var group Group
	for _, f := range Families() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n## %s\n", group)
		}
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", f.Name, f.Help)
		b.WriteString("| | |\n| --- | --- |\n")
		row := func(name, text string) {
			if text != "" {
				fmt.Fprintf(&b, "| %s | %s |\n", name, text)
			}
		}
		row("type", string(f.Kind))
		row("unit", f.Unit)
		row("labels", labelText(f))
		if f.Lengths {
			row("buckets", "1, 2 and 5 times the powers of ten, up to the longest sequence of the autoregressive stages")
		}
		row("buckets", bucketText(f.Buckets))
		if f.Native() {
			row("native form", "with --native-histograms")
		}
		row("present", f.Present)
		row("moves at", f.Moves)
		row("stays still at", f.Still)
		row("needs", strings.Join(texts(f.Needs), ", "))
		row("outcomes that move it", strings.Join(texts(f.At), ", "))
		row("outcomes that may move it", strings.Join(texts(f.May), ", "))
		row("constant, since", f.Constant)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func labelText(f Family) string {
	texts := make([]string, len(f.Labels))
	for i, l := range f.Labels {
		texts[i] = "`" + l + "`"
		if values := f.Values[l]; values != nil {
			texts[i] += " (" + strings.Join(values, ", ")
			if f.Option == l {
				texts[i] += "; more by option"
			}
			texts[i] += ")"
		}
	}
	return strings.Join(texts, ", ")
}

func bucketText(bounds []float64) string {
	texts := make([]string, len(bounds))
	for i, v := range slices.Sorted(slices.Values(bounds)) {
		texts[i] = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strings.Join(texts, " ")
}
