package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a TLS certificate on file. Whoever renews it replaces the files;
// there is nothing to restart.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu      sync.Mutex
	checked time.Time // when the files were last looked at
	changed time.Time // when they had last been written then
	current *tls.Certificate
}

const lookAtFiles = 5 * time.Second

func loadCertificate(cfg Config) (*certificate, error) {
	if cfg.TLSCert == "" || cfg.TLSKey == "" {
		return nil, errors.New("TLS needs both a certificate and its key: give --tls-cert and --tls-key")
	}
	c := &certificate{certFile: cfg.TLSCert, keyFile: cfg.TLSKey, now: cfg.Now, log: cfg.Log}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return c, nil
}

// config is for clients of the last ten years; Go chooses the suites.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.fresh(), nil
		},
	}
}

// fresh is the certificate on file, or the last that could be read: half-written files
// do not take the server down.
func (c *certificate) fresh() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.checked) < lookAtFiles {
		return c.current
	}
	if written := lastWritten(c.certFile, c.keyFile); !written.Equal(c.changed) {
		if err := c.load(); err != nil {
			c.log.Error("the TLS certificate was changed and cannot be read; the old one stays", "error", err)
		}
	}
	c.checked = c.now()
	return c.current
}

func (c *certificate) load() error {
	written := lastWritten(c.certFile, c.keyFile)
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.current, c.changed, c.checked = &pair, written, c.now()
	return nil
}

func lastWritten(files ...string) (last time.Time) {
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}
