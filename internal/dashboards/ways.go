package dashboards

import (
	"fmt"
	"strings"
)

// ways lead from a line of the panel to what lies behind it: from a replica to
// the hops into it, from a hop to the replicas at its ends.
func (p panel) ways() []link {
	to := func(title, board, stage, replica string) link {
		return link{
			Title: title, Type: "link", Icon: "external link", Tags: []string{},
			URL: fmt.Sprintf("/d/limelight-%s?${__url_time_range}&${datasource:queryparam}&${model_name:queryparam}&var-stage=%s&var-replica=%s", board, stage, replica),
		}
	}
	labels := func(of string) (stage, replica string) {
		return "${__field.labels." + of + "stage}", "${__field.labels." + of + "replica}"
	}
	told := func(by ...string) bool {
		for _, q := range p.queries {
			if !strings.Contains(q.legend, called(by...)) {
				return false
			}
		}
		return true
	}
	stage, id := labels("")
	switch {
	case p.kind == heat:
		return nil
	case told(edge...):
		fromStage, fromID := labels("from_")
		toStage, toID := labels("to_")
		return []link{to("The sender", "stages", fromStage, fromID), to("The receiver", "stages", toStage, toID), to("Hops into the receiver", "hops", toStage, toID)}
	case told(replica...):
		return []link{to("This replica", "stages", stage, id), to("Hops into it", "hops", stage, id), to("What its listeners hear", "audio", stage, id)}
	case told("stage"):
		return []link{to("This stage", "stages", stage, "$__all")}
	}
	return nil
}
