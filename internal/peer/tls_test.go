package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/limelight-omni/limelight/internal/engine"
)

// authority makes certificates for this machine.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.key, a.cert, a.file = a.make("ca", nil)
	return a
}

// make signs a certificate; without a parent it is an authority's own.
func (a *authority) make(name string, parent *authority) (*ecdsa.PrivateKey, *x509.Certificate, string) {
	a.t.Helper()
	check := func(err error) {
		if err != nil {
			a.t.Helper()
			a.t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: parent == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, by := key, template
	if parent != nil {
		signer, by = parent.key, parent.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, signer)
	check(err)
	cert, err := x509.ParseCertificate(der)
	check(err)
	file := filepath.Join(a.t.TempDir(), name)
	check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	check(os.WriteFile(file+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return key, cert, file
}

// files are those of a side with a certificate from a, which trusts ca.
func (a *authority) files(name, ca string) TLSFiles {
	_, _, file := a.make(name, a)
	return TLSFiles{CA: ca, Cert: file, Key: file + ".key"}
}

func TestConnectionsAreSecuredAndBothSidesProveWhoTheyAre(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	mutual, err := ours.files("host", ours.file).Server()
	if err != nil {
		t.Fatal(err)
	}
	oneWay, err := ours.files("host", "").Server()
	if err != nil {
		t.Fatal(err)
	}
	strict := serve(t, local, HostOptions{TLS: mutual}, echo).address
	open := serve(t, local, HostOptions{TLS: oneWay}, echo).address
	for name, c := range map[string]struct {
		address string
		files   *TLSFiles
		well    bool
	}{
		"both have certificates":              {strict, ptr(ours.files("caller", ours.file)), true},
		"the caller has none":                 {strict, &TLSFiles{CA: ours.file}, false},
		"the caller's is from elsewhere":      {strict, ptr(theirs.files("caller", ours.file)), false},
		"the host asks for none":              {open, &TLSFiles{CA: ours.file}, true},
		"the host's is from elsewhere":        {open, &TLSFiles{CA: theirs.file}, false},
		"the system does not know the host's": {open, &TLSFiles{}, false},
		"the caller speaks plain text":        {open, nil, false},
	} {
		o := options(c.address)
		if c.files != nil {
			if o.TLS, err = c.files.Client(); err != nil {
				t.Fatal(err)
			}
		}
		wait := time.Minute
		if !c.well {
			wait = 150 * time.Millisecond // it is tried again until then
		}
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		p, err := Connect(ctx, o)
		cancel()
		if c.well != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			s := begin(t, p, engine.Request{})
			cross(t, s, frames(1))
			s.Abort()
			<-s.Done()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestWrongTLSFilesAreClearErrors(t *testing.T) {
	a := newAuthority(t)
	server := func(f TLSFiles) (*tls.Config, error) { return f.Server() }
	client := func(f TLSFiles) (*tls.Config, error) { return f.Client() }
	good := a.files("x", "")
	for want, c := range map[string]struct {
		side  func(TLSFiles) (*tls.Config, error)
		files TLSFiles
	}{
		"TLS needs both a certificate and its key": {server, TLSFiles{}},
		"TLS needs both": {client, TLSFiles{Cert: good.Cert}},
		"certificate " + good.Cert + " with key " + a.file + ".key: ": {server, TLSFiles{Cert: good.Cert, Key: a.file + ".key"}},
		"authorities: " + good.Key + " holds no certificate":          {client, TLSFiles{CA: good.Key}},
		"authorities: open ": {server, TLSFiles{CA: "no/file", Cert: good.Cert, Key: good.Key}},
	} {
		if _, err := c.side(c.files); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
