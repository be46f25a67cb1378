package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSFiles are the PEM files of one side of a connection.
type TLSFiles struct {
	// CA holds the authorities that the other side's certificate must come from.
	// Without it a client trusts the system's, and a host asks callers for none.
	CA string
	// Cert and Key prove who this side is. A host needs them; a client needs them
	// if the host asks.
	Cert, Key string
}

// Client is the client's side of a connection.
func (f TLSFiles) Client() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	var err error
	if f.CA != "" {
		if c.RootCAs, err = authorities(f.CA); err != nil {
			return nil, err
		}
	}
	if f.Cert != "" || f.Key != "" {
		if c.Certificates, err = f.certificates(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Server is the host's side of a connection. With a CA it takes only callers
// that prove who they are.
func (f TLSFiles) Server() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	var err error
	if c.Certificates, err = f.certificates(); err != nil {
		return nil, err
	}
	if f.CA != "" {
		if c.ClientCAs, err = authorities(f.CA); err != nil {
			return nil, err
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

func (f TLSFiles) certificates() ([]tls.Certificate, error) {
	if f.Cert == "" || f.Key == "" {
		return nil, errors.New("TLS needs both a certificate and its key")
	}
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	return []tls.Certificate{pair}, nil
}

func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authorities: %s holds no certificate", file)
	}
	return pool, nil
}
