package metrics

import (
	"strconv"
	"strings"
)

// offer is one entry of an Accept or Accept-Encoding header.
type offer struct {
	value   string
	version string // the parameter of that name; empty if there is none
	q       float64
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

// takesOpenMetrics says whether a client that sent this Accept would rather
// have OpenMetrics than the text format, which any client takes that names
// neither. OpenMetrics has to be named: a browser that takes anything is better
// off with text.
func takesOpenMetrics(header []string) bool {
	open, text := 0.0, 0.0
	for _, o := range offers(header) {
		switch o.value {
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
	return open > 0 && open >= text
}
