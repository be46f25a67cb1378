package server

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// maxRequestID bounds a request id that a client chose.
const maxRequestID = 128

// requestID is the client's X-Request-Id if it is printable and not too long,
// and a new one otherwise.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if id == "" || len(id) > maxRequestID || !printable(id) {
		return randomHex(16)
	}
	return id
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// randomHex returns n random bytes in hexadecimal.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
