package server

import (
	"cmp"
	"time"
)

// Limits bound what one client, and all of them together, can take. A zero
// value means the default named at the field.
type Limits struct {
	// HeaderTimeout bounds the time in which a request's header has to come;
	// default 10 s. BodyTimeout does so for the body; default 1 min.
	HeaderTimeout, BodyTimeout time.Duration
	// IdleTimeout closes a connection without a request; default 2 min.
	IdleTimeout time.Duration
	// WriteTimeout bounds every single write: a client that takes nothing for
	// so long has left, and its request ends as an abort; default 30 s.
	WriteTimeout time.Duration
	// MaxHeaderBytes bounds the header, MaxHeaders its lines; default 64 KiB and
	// 256.
	MaxHeaderBytes, MaxHeaders int
	// MaxBody bounds a request's body; default 32 MiB. MaxBodies bounds the
	// bodies that are held at one time; default 512 MiB.
	MaxBody, MaxBodies int64
	// MaxStreams bounds the streamed replies at one time; 0 is no bound.
	MaxStreams int
}

func (l Limits) complete() Limits {
	l.HeaderTimeout = cmp.Or(l.HeaderTimeout, 10*time.Second)
	l.BodyTimeout = cmp.Or(l.BodyTimeout, time.Minute)
	l.IdleTimeout = cmp.Or(l.IdleTimeout, 2*time.Minute)
	l.WriteTimeout = cmp.Or(l.WriteTimeout, 30*time.Second)
	l.MaxHeaderBytes = cmp.Or(l.MaxHeaderBytes, 64<<10)
	l.MaxHeaders = cmp.Or(l.MaxHeaders, 256)
	l.MaxBody = cmp.Or(l.MaxBody, 32<<20)
	l.MaxBodies = cmp.Or(l.MaxBodies, 512<<20)
	return l
}
