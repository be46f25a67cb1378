// Command stack starts Limelight with everything around it that an operator
// has, loads it, breaks it, and holds what Prometheus, VictoriaMetrics and
// Alertmanager say against what was done.
//
//	go run ./test/stack
//
// The script beside it, run, does that with what it builds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run())
}

func run() int {
	r := &room{}
	r.report.out = os.Stdout
	flag.StringVar(&r.only, "only", "", "force only the faults whose name holds this")
	flag.BoolVar(&r.hold, "hold", false, "leave everything running at the end until interrupted")
	flag.StringVar(&r.dir, "dir", "", "empty directory for logs and data")
	flag.StringVar(&r.dashboards, "dashboards", "deploy/grafana/dashboards", "directory of the dashboards")
	flag.StringVar(&r.programs.limelight, "limelight", "limelight", "the program")
	flag.StringVar(&r.programs.prometheus, "prometheus", "prometheus", "the program")
	flag.StringVar(&r.programs.alertmanager, "alertmanager", "prometheus-alertmanager", "the program")
	flag.StringVar(&r.programs.victoria, "victoria-metrics", "victoria-metrics", "the program")
	flag.StringVar(&r.programs.vmalert, "vmalert", "vmalert", "the program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := r.prove(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "stack:", err)
		return 1
	}
	return 0
}
