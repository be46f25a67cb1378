package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report is the table at the end.
type report struct {
	out    io.Writer
	phases []string
	faults []string
	asked  []string
}

func (r *report) phase(name string, took time.Duration) {
	line := fmt.Sprintf("%s\t%.0f s", name, took.Seconds())
	r.phases = append(r.phases, line)
}

// alerts writes down what a fault raised.
func (r *report) alerts(fault string, want []expected, fired []alert, arrived, resolved, took time.Duration) {
	r.faults = append(r.faults, fmt.Sprintf("%s\t%d\t%d\t%d\t%.0f s\t%.0f s\t%.0f s",
		fault, len(want), count(fired, "prometheus"), count(fired, "victoria"), arrived.Seconds(), resolved.Seconds(), took.Seconds()))
	fmt.Fprintf(r.out, "\n%s, %.0f s:\n", fault, took.Seconds())
	told := map[string]bool{}
	for _, a := range fired {
		if text := a.String(); !told[text] {
			told[text] = true
			fmt.Fprintf(r.out, "  %s\n    %s\n    %s\n", text, a.Annotations["summary"], a.Annotations["description"])
		}
	}
}

// queries writes down what was asked of a database.
func (r *report) queries(database, kind string, run, failed, empty, declared int) {
	r.asked = append(r.asked, fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%d", database, kind, run, failed, empty, declared))
}

func (r *report) write() {
	t := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nfault\texpected\tfired in Prometheus\tin vmalert\tarrived\tresolved\tin all")
	for _, line := range r.faults {
		fmt.Fprintln(t, line)
	}
	t.Flush()
	fmt.Fprintln(t, "\ndatabase\tqueries of\trun\terrors\tempty\tof which may be")
	for _, line := range r.asked {
		fmt.Fprintln(t, line)
	}
	t.Flush()
	fmt.Fprintln(t)
	for _, line := range r.phases {
		fmt.Fprintln(t, line)
	}
	t.Flush()
}

// count is the number of alerts that a database found.
func count(all []alert, database string) (n int) {
	for _, a := range all {
		if a.Labels["database"] == database {
			n++
		}
	}
	return n
}
