package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A renewed certificate is served without a restart, and a broken one does not take the server down.
func TestCertificateRenewed(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dir := t.TempDir()
	cfg := Config{
		TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem"),
		Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	serial := func(c *certificate) int64 {
		now = now.Add(lookAtFiles)
		return c.fresh().Leaf.SerialNumber.Int64()
	}
	writeCertificate(t, cfg, 1, now)
	c, err := loadCertificate(cfg)
	if err != nil || serial(c) != 1 {
		t.Fatal(err)
	}
	writeCertificate(t, cfg, 2, now.Add(time.Minute))
	if got := serial(c); got != 2 {
		t.Errorf("certificate %d is served after the renewal", got)
	}
	if err := os.WriteFile(cfg.TLSCert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(c); got != 2 {
		t.Errorf("certificate %d is served while the file is broken", got)
	}
	writeCertificate(t, cfg, 3, now.Add(time.Hour))
	if got := serial(c); got != 3 {
		t.Errorf("certificate %d is served after the repair", got)
	}
}

func TestCertificateIncomplete(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{TLSCert: "cert.pem"}, {TLSKey: "key.pem"}, {TLSCert: "none", TLSKey: "none"}} {
		if _, err := loadCertificate(cfg); err == nil {
			t.Errorf("%+v: loaded", cfg)
		}
	}
}

func writeCertificate(t *testing.T, cfg Config, serial int64, written time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cfg.TLSCert: {Type: "CERTIFICATE", Bytes: der}, cfg.TLSKey: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
	}
}
