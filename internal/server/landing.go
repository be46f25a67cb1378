package server

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
)

// landingPage links what exists. Its links are relative, so that they hold
// behind a proxy that adds a prefix.
var landingPage = template.Must(template.New("landing").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Limelight: {{.Name}}</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse } td { padding: .2rem 1.5rem .2rem 0; vertical-align: top } code { font-size: .95em }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #16181c } a { color: #8cf } }
</style>
<h1>Limelight</h1>
<p><code>{{.Name}}</code> is served here.{{with .About}} {{.}}{{end}}</p>
<table>
{{range .Routes}}<tr><td>{{.Method}}</td><td>{{if .Link}}<a href="{{.Link}}"><code>{{.Path}}</code></a>{{else}}<code>{{.Path}}</code>{{end}}</td><td>{{.About}}</td></tr>
{{end}}</table>
<p>Version {{.Version}}</p>
`))

// landed is a route as the page shows it.
type landed struct{ Method, Path, Link, About string }

// landing answers GET / with a page that links the routes of one listener.
func (s *Server) landing(routes []route) func(*call) {
	var shown []landed
	for _, rt := range routes {
		if rt.about == "" {
			continue
		}
		l := landed{Method: rt.method, Path: rt.path, About: rt.about}
		if rt.method == http.MethodGet && !strings.Contains(rt.path, "{") {
			l.Link = strings.TrimPrefix(rt.path, "/")
		}
		shown = append(shown, l)
	}
	return func(c *call) {
		var page bytes.Buffer
		err := landingPage.Execute(&page, struct {
			Name, About, Version string
			Routes               []landed
		}{s.card.Name(), s.card.About(), Version(), shown})
		if err != nil {
			c.fail(internalError(err.Error()))
			return
		}
		_ = writeBody(c.w, http.StatusOK, "text/html; charset=utf-8", page.Bytes())
	}
}
