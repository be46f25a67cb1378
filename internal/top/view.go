package top

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

const omni = "vllm:omni_"

// none stands where the page says nothing.
const none = "-"

// Render draws the window as text, for a server at address.
func (w Window) Render(address string) string {
	var b strings.Builder
	w.head(&b, address)
	w.stages(&b)
	w.hops(&b)
	return b.String()
}

// head is the pipeline as a whole.
func (w Window) head(b *strings.Builder, address string) {
	model := none
	if f := family(w.after, omni+"num_requests_running"); f != nil && len(f.Samples) > 0 {
		model, _ = f.Samples[0].Label("model_name")
	}
	over := "since the start"
	if w.before != nil {
		over = fmt.Sprintf("the last %v", w.took.Round(100*time.Millisecond))
	}
	fmt.Fprintf(b, "%s   %s   %s\n", model, address, over)
	fmt.Fprintf(b, "running %s   waiting %s   e2e p50 %s p95 %s\n",
		count(w.Gauge(omni+"num_requests_running")), count(w.Gauge(omni+"num_requests_waiting")),
		seconds(w.Quantile(0.5, omni+"e2e_request_latency_s")), seconds(w.Quantile(0.95, omni+"e2e_request_latency_s")))
	ends := []string{}
	for _, v := range w.children([]string{"finished_reason"}, omni+"requests_success_total") {
		total, _ := w.Gauge(omni+"requests_success_total", "finished_reason", v[0])
		text := fmt.Sprintf("%s %.0f", v[0], total)
		if rate, ok := w.Rate(omni+"requests_success_total", "finished_reason", v[0]); ok && rate > 0 {
			text += fmt.Sprintf(" (%.1f/s)", rate)
		}
		ends = append(ends, text)
	}
	if len(ends) == 0 {
		ends = []string{"none on the page: is the server's recording on (--log-stats)?"}
	}
	fmt.Fprintf(b, "ends    %s\n\n", strings.Join(ends, "   "))
}

// stages are a line for each replica of each stage.
func (w Window) stages(b *strings.Builder) {
	rows := w.children([]string{"stage", "replica"}, "vllm:num_requests_running", omni+"audio_frames_total", omni+"audio_ttfp_s", "limelight_replica_state")
	if len(rows) == 0 {
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "stage\treplica\trunning\twaiting\ttok/s\tkv\tttft p50\taudio s/s\tttfp p50\tp95\trtf p50\tp95\tgaps\tskipped\t")
	for _, v := range rows {
		at := []string{"stage", v[0], "replica", v[1]}
		speed := none
		if gain, ok := w.Rate(omni+"audio_duration_s_sum", at...); ok {
			speed = fmt.Sprintf("%.1f", gain)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", v[0], v[1],
			count(w.Gauge("vllm:num_requests_running", at...)), count(w.Gauge("vllm:num_requests_waiting", at...)),
			rate(w.Rate("vllm:generation_tokens_total", at...)), percent(w.Gauge("vllm:kv_cache_usage_perc", at...)),
			seconds(w.Quantile(0.5, "vllm:time_to_first_token_seconds", at...)), speed,
			seconds(w.Quantile(0.5, omni+"audio_ttfp_s", at...)), seconds(w.Quantile(0.95, omni+"audio_ttfp_s", at...)),
			ratio(w.Quantile(0.5, omni+"audio_rtf", at...)), ratio(w.Quantile(0.95, omni+"audio_rtf", at...)),
			w.gaps(at), count(w.Gauge(omni+"audio_skipped_requests_total", at...)))
	}
	t.Flush()
	b.WriteByte('\n')
}

// gaps is how many listeners heard one: those whose request was not continuous.
func (w Window) gaps(at []string) string {
	heard, ok := w.Gain(omni+"audio_underrun_s_count", at...)
	if !ok {
		return none
	}
	fine, _ := w.Gain(omni+"audio_continuity_ok_total", append(at, "threshold_ms", "100")...)
	return fmt.Sprintf("%.0f of %.0f", max(0, heard-fine), heard)
}

// hops are a line for each edge between two replicas.
func (w Window) hops(b *strings.Builder) {
	labels := []string{"from_stage", "from_replica", "to_stage", "to_replica"}
	rows := w.children(labels, omni+"transfer_size_bytes")
	if len(rows) == 0 {
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "hop\thops/s\tsize p50\ttx p95\tin flight p95\trx p95\t")
	for _, v := range rows {
		var at []string
		for i, label := range labels {
			at = append(at, label, v[i])
		}
		fmt.Fprintf(t, "%s/%s > %s/%s\t%s\t%s\t%s\t%s\t%s\t\n", v[0], v[1], v[2], v[3],
			rate(w.Rate(omni+"transfer_size_bytes_count", at...)), size(w.Quantile(0.5, omni+"transfer_size_bytes", at...)),
			seconds(w.Quantile(0.95, omni+"transfer_tx_s", at...)), seconds(w.Quantile(0.95, omni+"transfer_in_flight_s", at...)),
			seconds(w.Quantile(0.95, omni+"transfer_rx_s", at...)))
	}
	t.Flush()
}

func count(v float64, ok bool) string   { return shown("%.0f", v, ok) }
func rate(v float64, ok bool) string    { return shown("%.1f", v, ok) }
func ratio(v float64, ok bool) string   { return shown("%.2f", v, ok) }
func percent(v float64, ok bool) string { return shown("%.0f%%", 100*v, ok) }

func shown(format string, v float64, ok bool) string {
	if !ok {
		return none
	}
	return fmt.Sprintf(format, v)
}

func seconds(v float64, ok bool) string {
	switch {
	case !ok:
		return none
	case v >= 1:
		return fmt.Sprintf("%.2fs", v)
	}
	return fmt.Sprintf("%.3gms", v*1000)
}

func size(v float64, ok bool) string {
	switch {
	case !ok:
		return none
	case v >= 1<<20:
		return fmt.Sprintf("%.1fMiB", v/(1<<20))
	case v >= 1<<10:
		return fmt.Sprintf("%.1fKiB", v/(1<<10))
	}
	return fmt.Sprintf("%.0fB", v)
}
