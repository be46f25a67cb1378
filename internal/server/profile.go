package server

import "net/http/pprof"

// profiles are the routes of net/http/pprof, behind the key.
func profiles() []route {
	list := []route{
		{path: "/debug/pprof/", handle: func(c *call) { pprof.Index(c.w, c.r) }, about: "profiles of the running process"},
		{path: "/debug/pprof/cmdline", handle: func(c *call) { pprof.Cmdline(c.w, c.r) }},
		{path: "/debug/pprof/profile", handle: func(c *call) { pprof.Profile(c.w, c.r) }},
		{path: "/debug/pprof/symbol", handle: func(c *call) { pprof.Symbol(c.w, c.r) }},
		{path: "/debug/pprof/trace", handle: func(c *call) { pprof.Trace(c.w, c.r) }},
	}
	for i := range list {
		list[i].method, list[i].uncounted, list[i].key, list[i].watch = "GET", true, true, true
	}
	return list
}
