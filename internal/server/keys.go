package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/limelight-omni/limelight/internal/openai"
)

// keys are the API keys that are accepted, as digests: comparing those takes
// the same time whatever the client sent, its length included.
type keys [][sha256.Size]byte

func newKeys(list []string) keys {
	var k keys
	for _, key := range list {
		k = append(k, sha256.Sum256([]byte(key)))
	}
	return k
}

// accepts says whether a request may pass: it has one of the keys, or there
// are none.
func (k keys) accepts(r *http.Request) bool {
	if len(k) == 0 {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	sent := sha256.Sum256([]byte(token))
	found := 0
	for i := range k {
		found |= subtle.ConstantTimeCompare(k[i][:], sent[:])
	}
	return found == 1
}

// guarded says whether a path needs a key although no route has it: everything
// below /v1 does, so that a stranger can't tell what is there.
func guarded(path string) bool { return path == "/v1" || strings.HasPrefix(path, "/v1/") }

// refuseKey answers a request without a key that is known. It does not repeat
// what was sent.
func (c *call) refuseKey() {
	c.w.Header().Set("WWW-Authenticate", "Bearer")
	c.fail(openai.Problem(http.StatusUnauthorized, "a valid API key is needed: send it as Authorization: Bearer KEY"))
}
