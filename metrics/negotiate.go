package metrics

import (
	"strconv"
	"strings"
)

// format is what a page is written in.
type format int

const (
	textFormat     format = iota // 0.0.4
	openFormat                   // OpenMetrics 1.0
	protobufFormat               // delimited messages
)

func (f format) contentType() string {
	return [...]string{textFormat: contentType, openFormat: openContentType, protobufFormat: protobufContentType}[f]
}

// offer is one entry of an Accept or Accept-Encoding header.
type offer struct {
	value string
	// The parameters of these names; empty if there are none.
	version, proto, encoding string
	q                        float64
}

// offers reads the header's values, in their order. An entry whose q cannot be
// read is not acceptable; what is no parameter of ours means nothing.
func offers(header []string) []offer {
	var all []offer
	for entry := range strings.SplitSeq(strings.Join(header, ","), ",") {
		value, parameters, _ := strings.Cut(entry, ";")
		o := offer{value: strings.ToLower(strings.TrimSpace(value)), q: 1}
		if o.value == "" {
			continue
		}
		for parameter := range strings.SplitSeq(parameters, ";") {
			name, text, _ := strings.Cut(parameter, "=")
			text = strings.TrimSpace(text)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "q":
				q, err := strconv.ParseFloat(text, 64)
				if err != nil || !(q >= 0 && q <= 1) {
					q = 0
				}
				o.q = q
			case "version":
				o.version = strings.Trim(text, `"`)
			case "proto":
				o.proto = strings.Trim(text, `"`)
			case "encoding":
				o.encoding = strings.Trim(text, `"`)
			}
		}
		all = append(all, o)
	}
	return all
}

// takesGzip says whether a client that sent this Accept-Encoding would rather
// have gzip than the plain page.
func takesGzip(header []string) bool {
	gzip, identity, rest := -1.0, -1.0, -1.0 // -1 is not named
	for _, o := range offers(header) {
		switch o.value {
		case "gzip", "x-gzip":
			gzip = max(gzip, o.q)
		case "identity":
			identity = o.q
		case "*":
			rest = o.q
		}
	}
	if gzip < 0 {
		gzip = rest
	}
	return gzip > 0 && gzip >= identity
}

// preferred is the format that a client that sent this Accept would rather have:
// text, which any client takes that names none. The others have to be named: a
// browser that takes anything is better off with text. Of formats that it would
// as soon have, the one that holds more. Protobuf is on offer with native
// histograms alone: without them it holds nothing that text does not, and pages
// of engines elsewhere would have to be parsed for it.
func preferred(header []string, native bool) format {
	var text, open, protobuf float64
	for _, o := range offers(header) {
		switch o.value {
		case "application/vnd.google.protobuf":
			if native && o.proto == "io.prometheus.client.MetricFamily" && o.encoding == "delimited" {
				protobuf = max(protobuf, o.q)
			}
		case "application/openmetrics-text":
			if o.version == "" || o.version == "1.0.0" || o.version == "0.0.1" {
				open = max(open, o.q)
			}
		case "text/plain":
			if o.version == "" || o.version == "0.0.4" {
				text = max(text, o.q)
			}
		}
	}
	switch {
	case protobuf > 0 && protobuf >= max(open, text):
		return protobufFormat
	case open > 0 && open >= text:
		return openFormat
	}
	return textFormat
}
