package main

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// alert is one that Alertmanager told of.
type alert struct {
	Status      string            `json:"status"` // firing or resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// hook is the webhook that Alertmanager sends to. It remembers every alert.
type hook struct {
	server *http.Server
	url    string

	mu     sync.Mutex // guards the fields below
	latest map[string]alert
	seen   map[string]alert // fired since the last forget
}

// newHook listens on a free port of the loopback device.
func newHook() (*hook, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &hook{url: "http://" + listener.Addr().String(), latest: map[string]alert{}, seen: map[string]alert{}}
	h.server = &http.Server{Handler: h}
	go func() { _ = h.server.Serve(listener) }() // it ends when it is closed
	return h, nil
}

// ServeHTTP takes a notification of Alertmanager's webhook format, version 4.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var notification struct {
		Alerts []alert `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&notification); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range notification.Alerts {
		h.latest[a.Fingerprint] = a
		if a.Status == "firing" {
			h.seen[a.Fingerprint] = a
		}
	}
}

// firing lists the alerts that have not been resolved.
func (h *hook) firing() []alert {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(h.latest)), func(a alert) bool { return a.Status != "firing" })
}

// fired lists the alerts that fired since forget was called last, or fired then.
func (h *hook) fired() []alert {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.seen))
}

// forget begins a new list of what fired, with what still fires.
func (h *hook) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.seen)
	for id, a := range h.latest {
		if a.Status == "firing" {
			h.seen[id] = a
		}
	}
}
