package autoscale

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

//go:generate go test -run TestDocumentHasTheSignals -update

// WriteMarkdown writes the table of the signals and their queries.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| signal | what the number is | metric type | target | | of |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, s := range Signals() {
		target := strconv.FormatFloat(s.Goal, 'g', -1, 64)
		if s.Places {
			target += " of a replica's places"
		}
		when := "lags"
		if s.Leads {
			when = "leads"
		}
		roles := make([]string, len(s.Roles))
		for i, r := range s.Roles {
			roles[i] = string(r)
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s | %s | %s |\n", s.Name, s.Says, s.Target, target, when, strings.Join(roles, ", "))
	}
	for _, s := range Signals() {
		fmt.Fprintf(&b, "\n    # %s\n    %s\n", s.Name, s.Query(`model_name="m",stage="2"`, `model_name="m"`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
