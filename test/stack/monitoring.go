package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// scrapeEvery is the time between two scrapes: the shortest window of a rule, of
// 2 s, has four of them.
const scrapeEvery = 500 * time.Millisecond

// watch starts the monitoring: Prometheus and VictoriaMetrics scrape the
// servers, Prometheus evaluates the rules, Alertmanager tells the hook. An alert
// says by its label database who found it.
func (r *room) watch(ctx context.Context) error {
	a, err := freePorts(3)
	if err != nil {
		return err
	}
	prometheus, alertmanager, victoria := a[0], a[1], a[2]
	r.prometheus = database{"Prometheus", "http://" + prometheus}
	r.victoria = database{"VictoriaMetrics", "http://" + victoria}
	r.alertmanager = "http://" + alertmanager
	if r.hook, err = newHook(); err != nil {
		return err
	}
	r.cleanup = append(r.cleanup, func() { _ = r.hook.server.Close() })

	scrape := "scrape_configs:\n"
	for job, targets := range r.targets {
		scrape += fmt.Sprintf("  - job_name: %s\n    static_configs:\n      - targets: [%s]\n", job, strings.Join(targets, ", "))
	}
	every := fmt.Sprintf("scrape_interval: %v\n  scrape_timeout: %v\n", scrapeEvery, scrapeEvery)
	for name, text := range map[string]string{
		"scrape.yml": "global:\n  " + every + scrape,
		"prometheus.yml": "global:\n  " + every + "rule_files: [rules.yml]\nalerting:\n" + labelled("prometheus", "  ") +
			"  alertmanagers:\n    - static_configs:\n        - targets: [" + alertmanager + "]\n" + scrape,
		"notifier.yml": labelled("victoria", "") + "static_configs:\n  - targets: [" + alertmanager + "]\n",
		"alertmanager.yml": "route:\n  receiver: hook\n  group_by: ['...']\n  group_wait: 0s\n  group_interval: 1s\n  repeat_interval: 1h\n" +
			"receivers:\n  - name: hook\n    webhook_configs:\n      - url: " + r.hook.url + "\n        send_resolved: true\n",
	} {
		if err := r.write(name, text); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		name, program, ready string
		args                 []string
	}{
		{"alertmanager", r.programs.alertmanager, r.alertmanager + "/-/ready", []string{
			"--config.file=alertmanager.yml", "--storage.path=alertmanager", "--web.listen-address=" + alertmanager, "--cluster.listen-address="}},
		{"prometheus", r.programs.prometheus, r.prometheus.url + "/-/ready", []string{
			"--config.file=prometheus.yml", "--storage.tsdb.path=prometheus", "--web.listen-address=" + prometheus, "--web.enable-lifecycle",
			"--rules.alert.resend-delay=2s"}}, // or an alert that fired in the first seconds is sent a minute later
		{"victoria", r.programs.victoria, r.victoria.url + "/health", []string{
			"-storageDataPath=victoria", "-httpListenAddr=" + victoria, "-promscrape.config=scrape.yml",
			"-search.latencyOffset=0s", "-search.minStalenessInterval=5s", "-retentionPeriod=1d"}},
	} {
		started, err := r.start(ctx, p.name, p.program, p.args...)
		if err != nil {
			return err
		}
		if err := started.answers(ctx, p.ready); err != nil {
			return err
		}
	}
	return nil
}

// labelled gives alerts, on their way to Alertmanager alone, a label that says
// which database found them.
func labelled(database, indent string) string {
	return indent + "alert_relabel_configs:\n" + indent + "  - {target_label: database, replacement: " + database + "}\n"
}

// scraped waits until both databases have a page of every target.
func (r *room) scraped(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("not all servers were scraped"))
	defer cancel()
	want := 0
	for _, targets := range r.targets {
		want += len(targets)
	}
	for _, d := range []database{r.prometheus, r.victoria} {
		err := poll(ctx, 200*time.Millisecond, func() (bool, error) {
			up, err := d.instant(ctx, "up == 1")
			return len(up) == want, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reload has Prometheus read its rules.
func (r *room) reload(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.prometheus.url+"/-/reload", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("the rules are refused by Prometheus: %s", text)
	}
	return nil
}

// startVMAlert starts vmalert, which evaluates the rules by VictoriaMetrics.
func (r *room) startVMAlert(ctx context.Context) error {
	a, err := freePorts(1)
	if err != nil {
		return err
	}
	p, err := r.start(ctx, "vmalert", r.programs.vmalert,
		"-rule=rules.yml", "-httpListenAddr="+a[0], "-datasource.url="+r.victoria.url, "-remoteWrite.url="+r.victoria.url, "-notifier.config=notifier.yml",
		"-disableAlertgroupLabel", "-rule.evalDelay=0s", "-rule.resendDelay=2s", "-remoteWrite.flushInterval=100ms")
	if err != nil {
		return err
	}
	r.vmalert = database{"vmalert", "http://" + a[0]}
	return p.answers(ctx, r.vmalert.url+"/health")
}

// flush makes VictoriaMetrics show what it has taken, several times a second
// until ctx ends. By itself it does so every few seconds, which is too late for
// windows of 2 s.
func (r *room) flush(ctx context.Context) {
	tick := time.NewTicker(scrapeEvery / 2)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_, _ = fetch(ctx, r.victoria.url+"/internal/force_flush") // one that fails is made up for by the next
		case <-ctx.Done():
			return
		}
	}
}
