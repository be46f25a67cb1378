package metrics

import "github.com/limelight-omni/limelight/metrics/merge"

// Names of the families of engines elsewhere and their pages.
const (
	metricsSourceInfo = "limelight_engine_metrics_source_info"
	pageAge           = "limelight_engine_page_age_seconds"
	pageBytes         = "limelight_engine_page_bytes"
	pageSeries        = "limelight_engine_page_series"
	pageMalformed     = "limelight_engine_page_malformed_lines_total"
	pageConflicts     = "limelight_engine_page_conflicts_total"
	scrapeDuration    = "limelight_engine_scrape_duration_seconds"
	scrapeFailures    = "limelight_engine_scrape_failures_total"
)

// scrapedFamilies declares the families of engines that run elsewhere.
func scrapedFamilies() []Family {
	const present = "with --log-stats, for each replica elsewhere that has a metrics page"
	of := func(f Family) Family {
		f.Labels = []string{"model_name", "stage", "replica"}
		for label := range f.Values {
			f.Labels = append(f.Labels, label)
		}
		f.Group, f.Needs = GroupOwn, []Need{NeedPages}
		if f.Present == "" {
			f.Present = present
		}
		return f
	}
	newest := func(name, unit, help string) Family {
		return of(Family{
			Name: name, Kind: Gauge, Unit: unit, Help: help, Present: present + ", once a scrape brought one",
			Moves: "read at scrape: with every page that a scrape brings",
			Still: "scrapes that fail; requests",
		})
	}
	source := of(Family{
		Name: metricsSourceInfo, Kind: Gauge, Unit: "1", Present: "with --log-stats, for each replica elsewhere whose engine families are on the page",
		Help:  "Constant 1; the label source says who measured the engine families of the replica: engine (itself; they are taken from its metrics page), gateway (this server, at its side of the wire, since the engine has no such page).",
		Moves: "never", Still: "everything",
		Constant: "it describes where numbers come from",
	})
	source.Labels, source.Needs = append(source.Labels, "source"), nil
	return []Family{source,
		newest(pageAge, "seconds", "Time since the newest page of the engine came. Where each scrape of this page asks the engine, more than a moment means that the engine did not answer; its families are then missing."),
		newest(pageBytes, "bytes", "Size of the newest page of the engine, before it was relabelled."),
		newest(pageSeries, "series", "Series that were taken from the newest page of the engine."),
		of(Family{
			Name: pageMalformed, Kind: Counter, Unit: "lines", At: []Outcome{OutcomeBadPage},
			Help:  "Lines of the engine's pages that were left out because the text format does not allow them, because they are longer than 64 KiB, or because their series stands twice.",
			Moves: "each scrape that brings a page with such lines, by their number",
			Still: "good pages; pages that did not come whole; families that are not taken anyway, but for lines that cannot be read at all",
		}), of(Family{
			Name: pageConflicts, Kind: Counter, Unit: "families", At: []Outcome{OutcomeBadPage},
			Help:  "Families of the engine that were left out of a page of this server because they have another type there: this server's own wins, then that of most engines.",
			Moves: "each page that is written without such families, by their number, when it has been written",
			Still: "families of one type everywhere",
		}), of(Family{
			Name: scrapeDuration, Kind: Histogram, Buckets: fastBuckets, Unit: "seconds", At: []Outcome{OutcomeScraped},
			Help:  "Time that one scrape of the engine's page took, to fetch and to relabel it.",
			Moves: "every scrape of the engine, whatever came of it",
			Still: "scrapes of this server's page that share one of the engine's; scrapes whose client left",
		}), of(Family{
			Name: scrapeFailures, Kind: Counter, Unit: "scrapes", At: []Outcome{OutcomeBadPage},
			Values: map[string][]string{"reason": texts(merge.Failures)},
			Help:   "Scrapes of the engine that brought no page, by reason: connect (no answer, or a broken one), timeout (no whole page within the time that the scrape of this page leaves, 5 s at most), status (other than 200), too_large (more than 16 MiB), not_text (no line of it is one of metrics).",
			Moves:  "every scrape of the engine that failed, once",
			Still:  "scrapes that brought a page, malformed lines and all; scrapes whose client left",
		}),
	}
}
