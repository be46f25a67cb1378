package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
)

// Address says where to listen.
type Address struct {
	Host string
	Port int // 0 picks a free one
	// UDS is the path of a Unix domain socket; Host and Port are not used then.
	UDS string
	// CertFile and KeyFile are PEM files; both or none. With them the listener
	// speaks TLS, and HTTP/2 to clients that want it.
	CertFile, KeyFile string
}

// Listen opens the listener.
func Listen(a Address) (net.Listener, error) {
	var config *tls.Config
	if a.CertFile != "" || a.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("listen: certificate %s with key %s: %w", a.CertFile, a.KeyFile, err)
		}
		config = &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}
	}
	network, address := "tcp", net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	if a.UDS != "" {
		network, address = "unix", a.UDS
		if err := removeStale(a.UDS); err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return l, nil
}

// removeStale removes the socket that a process left behind which was killed:
// one that nobody answers at.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s exists and is no socket", path)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return fmt.Errorf("another process listens at %s", path)
	}
	return os.Remove(path)
}
