package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/limelight-omni/limelight/metrics/merge"
)

// timeoutHeader is how Prometheus says how many seconds it waits for a page.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// scrapeBudget is how long the engines' pages may take before a page is written
// without those that are missing: what the client waits, less a fifth and at
// most a second of it for the page itself and its way. A client that says
// nothing waits merge.DefaultTimeout.
func scrapeBudget(h http.Header) time.Duration {
	seconds, err := strconv.ParseFloat(h.Get(timeoutHeader), 64)
	if err != nil || !(seconds > 0) {
		return merge.DefaultTimeout
	}
	wait := time.Duration(min(seconds, time.Hour.Seconds()) * float64(time.Second))
	return wait - min(wait/5, time.Second)
}
