package check

import (
	"fmt"
	"io"
	"strings"
)

//go:generate go test -run TestDocumentationIsCurrent -update

const documentHead = "# Checking a metrics page\n\n" +
	"<!-- Made from the list of identities by `go generate ./metrics/check`; do not edit. -->\n\n" +
	"`limelight check URL|FILE` holds a page against the family table that the server, and [metrics.md](metrics.md), are made\n" +
	"from. The exit code is 0 for a good page, 1 for findings, 2 for a wrong command line. `metrics/check` is the same as a Go\n" +
	"package. A finding names the line of the page that is to blame.\n\n" +
	"- **Format**: the text format 0.0.4 or OpenMetrics 1.0. A line that cannot be read is a finding and costs no other line;\n" +
	"  series that stand twice, types that come late and families in pieces are findings too.\n" +
	"- **Families**: each one of the table is there with its type and exactly its labels; none under `vllm:` or `limelight_` is\n" +
	"  unknown; ids are decimal, closed sets hold what the table says, all families speak of one model, counts are whole.\n" +
	"- **Histograms**: the table's bounds, cumulative, the last bucket is the count, and the sum is one that such buckets can have.\n" +
	"- **Children**: each combination of closed label values exists at each replica, stage or edge that the page shows. Of a\n" +
	"  replica that left, which `limelight_replica_state` has no more, gauges are not asked for.\n" +
	"- **Identities**: what numbers of different families have to agree on; the list is below.\n" +
	"- `--moved`: each family has moved, unless the table calls it constant or the page's pipeline lacks what it needs\n" +
	"  (metrics.md: *needs*). One page cannot tell whether a gauge moved.\n\n" +
	"`limelight check --self` needs no server: it runs one in process, fills it until requests wait, sends it each outcome (text,\n" +
	"audio, speech, whole and streamed, no sound, abort, failure, refusal), and checks its page with `--moved`.\n\n" +
	"A live page is no snapshot, since requests are recorded while it is written. So sides of an identity may differ by the\n" +
	"requests that run or wait, and a page from a URL that has findings is read again, twice at most: what remains counts.\n\n" +
	"A page saved from vLLM-Omni, under `vllm:omni_` or `vllm_omni:`, is told by its `python_` families or `_created` series. Of\n" +
	"such a page the families of `limelight_` are not asked for, nor children before their first event, and families that\n" +
	"Limelight does not have are noted, not found wrong.\n\n" +
	"## Identities\n\n" +
	"Those with a star are not asked of vLLM-Omni's pages.\n\n"

// WriteMarkdown writes the documentation of the check.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(documentHead)
	for n, i := range identities {
		star := ""
		if i.ours {
			star = "\\* "
		}
		fmt.Fprintf(&b, "%d. %s%s\n", n+1, star, i.text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
