package metrics

import (
	"bytes"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

const wantsProtobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

func withNative(o Options) *Metrics {
	o.ModelName, o.LogStats, o.NativeHistograms = "m", true, true
	o.EnableMFU, o.KVCacheMetrics, o.Deadlines, o.LongestSequence, o.Stages = true, true, true, 100, threeStages
	m := New(o)
	m.Engine(0, 0)
	m.Engine(1, 0)
	return m
}

// messages decodes the protobuf page, without the families of the process and
// the runtime, in their order.
func messages(t *testing.T, m *Metrics) []*dto.MetricFamily {
	t.Helper()
	page, contentType, _ := asked(t, m, wantsProtobuf, "")
	if contentType != protobufContentType {
		t.Fatalf("type %q", contentType)
	}
	var all []*dto.MetricFamily
	for d := expfmt.NewDecoder(strings.NewReader(page), expfmt.NewFormat(expfmt.TypeProtoDelim)); ; {
		f := new(dto.MetricFamily)
		if err := d.Decode(f); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(f.GetName(), "go_") && !strings.HasPrefix(f.GetName(), "process_") {
			all = append(all, f)
		}
	}
}

// message is one family of the protobuf page.
func message(t *testing.T, m *Metrics, name string) *dto.MetricFamily {
	t.Helper()
	all := messages(t, m)
	i := slices.IndexFunc(all, func(f *dto.MetricFamily) bool { return f.GetName() == name })
	if i < 0 {
		t.Fatalf("the page has no %s", name)
	}
	return all[i]
}

func TestProtobufGoesToThoseWhoWouldRatherHaveItWhereThereAreNativeHistograms(t *testing.T) {
	const other = ",application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
	on, off := withNative(Options{}), newOn()
	for accept, want := range map[string]string{
		wantsProtobuf:            protobufContentType,
		wantsProtobuf + other:    protobufContentType,
		wantsProtobuf + ";q=0.6": protobufContentType,
		wantsProtobuf + ";escaping=allow-utf-8;q=0.6" + other: protobufContentType,
		wantsProtobuf + ";q=0.5" + other:                      protobufContentType, // as soon as OpenMetrics
		wantsProtobuf + ";q=0.4" + other:                      openContentType,
		wantsProtobuf + ";q=0.4, text/plain;q=0.5":            contentType,
		wantsProtobuf + ";q=0":                                contentType,
		wantsProtobuf + ";q=0" + other:                        openContentType,
		wantsProtobuf + ";q=2":                                contentType,
		`Application/Vnd.Google.Protobuf; Encoding="delimited"; Proto="io.prometheus.client.MetricFamily"`: protobufContentType,
		"application/vnd.google.protobuf":                                                               contentType, // which message?
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily":                       contentType,
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text":         contentType,
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text": contentType,
		"application/vnd.google.protobuf;proto=other;encoding=delimited" + other:                        openContentType,
		"*/*": contentType,
		"":    contentType,
	} {
		if _, got, _ := asked(t, on, accept, ""); got != want {
			t.Errorf("Accept %q: type %q, want %q", accept, got, want)
		}
		if _, got, _ := asked(t, off, accept, ""); got == protobufContentType {
			t.Errorf("Accept %q: protobuf without native histograms", accept)
		}
	}
	if _, got, encoding := asked(t, on, wantsProtobuf, "gzip"); got != protobufContentType || encoding != "gzip" {
		t.Errorf("type %q, encoding %q", got, encoding)
	}
}

// series lists a page's headers and samples as the text format writes them,
// sorted; without those about scrapes of engines, which each scrape changes.
func series(t *testing.T, families []*dto.MetricFamily) []string {
	t.Helper()
	var b bytes.Buffer
	for _, f := range families {
		switch {
		case strings.HasPrefix(f.GetName(), "limelight_engine_"):
		case len(f.Metric) == 0:
			header(&b, Family{Name: f.GetName(), Help: f.GetHelp(), Kind: Kind(kinds[f.GetType()])})
		default:
			if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return slices.Sorted(strings.Lines(b.String()))
}

// texted are the families of a text page, those without a child among them.
func texted(t *testing.T, page string) []*dto.MetricFamily {
	t.Helper()
	parsed := parse(t, page)
	var all []*dto.MetricFamily
	help := ""
	for line := range strings.Lines(page) {
		if text, ok := strings.CutPrefix(line, "# HELP "); ok {
			_, help, _ = strings.Cut(strings.TrimSuffix(text, "\n"), " ")
		}
		text, ok := strings.CutPrefix(line, "# TYPE ")
		if !ok {
			continue
		}
		name, kind, _ := strings.Cut(strings.TrimSpace(text), " ")
		if f := parsed[name]; f != nil {
			all = append(all, f)
		} else {
			all = append(all, Family{Name: name, Help: help, Kind: Kind(kind)}.message())
		}
	}
	return all
}

func TestProtobufPageHoldsWhatTheTextPageHolds(t *testing.T) {
	used := withNative(Options{})
	useAll(used)
	renamed := withNative(Options{OmniPrefix: "vllm_omni:"})
	useAll(renamed)
	among := withNative(Options{Exemplars: true})
	useAll(among)
	pages := []string{"# TYPE x_total counter\nx_total{a=\"\\\"b\\n\"} 1e3 1700000000123\n# HELP zz Last.\n# TYPE zz summary\nzz{quantile=\"0.5\"} NaN\nzz_sum 3\nzz_count 2\n"}
	for _, engine := range []string{"vllm", "sglang", "llamacpp", "vllm"} {
		page, err := os.ReadFile("testdata/engines/" + engine + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, string(page))
	}
	elsewhere(t, among, pages...)
	off := New(Options{ModelName: "m", Stages: threeStages, NativeHistograms: true})
	for name, m := range map[string]*Metrics{"new": withNative(Options{}), "used": used, "prefix": renamed, "engines": among, "stats off": off} {
		families := messages(t, m)
		if !slices.IsSortedFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) }) {
			t.Errorf("%s: families are out of order", name)
		}
		got, want := series(t, families), series(t, texted(t, text(t, m)))
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("%s: %d lines, want the text page's %d; the first other ones:\n%s\nwant\n%s", name, len(got), len(want), got[min(i, len(got)):min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
			}
		}
	}
}

func TestProtobufPageNamesUnitsAndTimesOfCreation(t *testing.T) {
	m := withNative(Options{})
	useAll(m)
	units := map[string]string{}
	for _, f := range messages(t, m) {
		units[f.GetName()] = f.GetUnit()
		for _, child := range f.Metric {
			own := f.GetType() == dto.MetricType_COUNTER && child.Counter.CreatedTimestamp == nil ||
				f.GetType() == dto.MetricType_HISTOGRAM && child.Histogram.CreatedTimestamp == nil
			if own {
				t.Errorf("%s has a child without a time of creation", f.GetName())
			}
		}
	}
	for name, want := range map[string]string{e2eRequestLatency: "", requestPart: "seconds", transferSize: "bytes", wastedAudioSeconds: "seconds"} {
		if units[name] != want {
			t.Errorf("the unit of %s is %q, want %q", name, units[name], want)
		}
	}
}

// bucket is a native bucket: observations above low and up to high.
type bucket struct {
	low, high float64
	count     uint64
}

// buckets takes a native histogram apart, as its schema says.
func buckets(h *dto.Histogram) []bucket {
	all := []bucket{{math.Inf(-1), h.GetZeroThreshold(), h.GetZeroCount()}}
	index, i, count := int32(0), 0, int64(0)
	for _, span := range h.PositiveSpan {
		index += span.GetOffset()
		for range span.GetLength() {
			count += h.PositiveDelta[i]
			bound := func(index int32) float64 { return math.Exp2(math.Ldexp(float64(index), -int(h.GetSchema()))) }
			all = append(all, bucket{bound(index - 1), bound(index), uint64(count)})
			index, i = index+1, i+1
		}
	}
	return all
}

// agree holds the native form of a histogram against its classic one.
func agree(t *testing.T, name string, h *dto.Histogram) {
	t.Helper()
	var total uint64
	all := buckets(h)
	for _, b := range all {
		total += b.count
	}
	if total != h.GetSampleCount() {
		t.Errorf("%s: %d observations in the native form, %d in the classic one", name, total, h.GetSampleCount())
	}
	for _, classic := range h.Bucket {
		var below, reach uint64
		for _, b := range all {
			if b.high <= classic.GetUpperBound()*(1-1e-9) {
				below += b.count
			}
			if b.low < classic.GetUpperBound()*(1+1e-9) {
				reach += b.count
			}
		}
		if n := classic.GetCumulativeCount(); n < below || n > reach {
			t.Errorf("%s: %d observations up to %v, between %d and %d in the native form", name, n, classic.GetUpperBound(), below, reach)
		}
	}
}

func TestTimesHaveBothFormsAndTheyAgree(t *testing.T) {
	m := withNative(Options{})
	useAll(m)
	for i := range 300 { // 3 ms to 66 s
		d := time.Duration(float64(3*time.Millisecond) * math.Pow(10, float64(i)/69))
		m.Requests().Ended(Stop, d, "r")
		m.Audio(2, 0).FirstPacket(d, "r")
		m.Audio(2, 0).Finished(24000, 24000, d)
		m.Engine(1, 0).Output(d)
		m.Transfer(1, 0, 2, 1).Hop(1<<i%20, d, d/7, 0)
	}
	native := 0
	for _, f := range messages(t, m) {
		declared := family(Families(), f.GetName())
		for _, child := range f.Metric {
			h := child.Histogram
			if got := h != nil && h.Schema != nil; got != declared.Native() {
				t.Errorf("%s: native form %v, declared %v", f.GetName(), got, declared.Native())
			}
			if declared.Native() {
				native++
				agree(t, f.GetName(), h)
			}
		}
	}
	if native < 50 {
		t.Errorf("%d native histograms", native)
	}
	if f := family(Families(), transferSize); f.Native() {
		t.Error("sizes are native")
	}
}

func TestClassicFormIsTheSameWithNativeHistogramsAndWithout(t *testing.T) {
	off, on := newOn(), withNative(Options{})
	for _, m := range []*Metrics{off, on} {
		useAll(m)
		for i := range 3000 { // more buckets than a native histogram may have
			m.Requests().Ended(Stop, time.Duration(math.Pow(10, 2+float64(i)/300)), "r")
		}
	}
	if a, b := text(t, off), text(t, on); a != b {
		t.Errorf("the text page differs:\n%s\nwant\n%s", b, a)
	}
	own := func(m *Metrics) string {
		page, _, _ := asked(t, m, "application/openmetrics-text", "")
		_, page, _ = strings.Cut(page, "# HELP http_")
		page, _, _ = strings.Cut(page, "# HELP process_")
		return page
	}
	if a, b := own(off), own(on); a != b || len(a) < 10_000 {
		t.Errorf("the page in OpenMetrics differs:\n%s\nwant\n%s", b, a)
	}
	h := message(t, on, e2eRequestLatency).Metric[0].Histogram
	agree(t, e2eRequestLatency, h)
	if n := len(h.PositiveDelta); n > nativeBuckets || n < nativeBuckets/2 || h.GetSchema() != 2 {
		t.Errorf("%d buckets of schema %d", n, h.GetSchema())
	}
	if h.GetSampleCount() != 3001 {
		t.Errorf("%d observations are left of 3001", h.GetSampleCount())
	}
}

func TestNativeHistogramsHaveExemplarsToo(t *testing.T) {
	m := withNative(Options{Exemplars: true})
	for i := range 40 {
		m.Requests().Ended(Stop, time.Duration(i+1)*time.Second, "req-"+decimal(i))
	}
	h := message(t, m, e2eRequestLatency).Metric[0].Histogram
	if n := len(h.Exemplars); n != nativeExemplars {
		t.Errorf("%d exemplars", n)
	}
	for _, e := range h.Exemplars {
		if l := e.Label[0]; l.GetName() != exemplarLabel || l.GetValue() != "req-"+decimal(int(e.GetValue())-1) || e.Timestamp == nil {
			t.Errorf("exemplar %v", e)
		}
	}
	classic := slices.ContainsFunc(h.Bucket, func(b *dto.Bucket) bool { return b.Exemplar != nil })
	if !classic {
		t.Error("the classic buckets have no exemplar")
	}
	off := withNative(Options{})
	off.Requests().Ended(Stop, time.Second, "req-1")
	if h := message(t, off, e2eRequestLatency).Metric[0].Histogram; len(h.Exemplars) != 0 {
		t.Errorf("exemplars %v although they are off", h.Exemplars)
	}
}

func TestReplicaThatLeftLeavesTheProtobufPageToo(t *testing.T) {
	now := time.Unix(0, 0)
	m := withNative(Options{now: func() time.Time { return now }})
	speaks := func() (n int) {
		for _, f := range messages(t, m) {
			for _, child := range f.Metric {
				of := map[string]string{}
				for _, l := range child.Label {
					of[l.GetName()] = l.GetValue()
				}
				if of["stage"] == "2" && of["replica"] == "2" {
					n++
				}
			}
		}
		return n
	}
	m.ReplicaJoined(2, 2)
	m.Audio(2, 2).Played(time.Second, LateProduction)
	joined := speaks()
	m.ReplicaLeft(2, 2)
	now = now.Add(retention - 1)
	if n := speaks(); n != joined || n == 0 {
		t.Errorf("%d series just before the end of its retention, %d before it left", n, joined)
	}
	now = now.Add(1)
	if n := speaks(); n != 0 {
		t.Errorf("%d series after its retention", n)
	}
}
