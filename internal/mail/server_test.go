package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// smtpServer is a mail server with what a client can meet: TLS from the start, STARTTLS or none, a sign-in, refusals.
type smtpServer struct {
	implicit, starttls bool
	refuse             string // answered to RCPT, if it is set
	password           string

	address string
	roots   *x509.CertPool
	tls     *tls.Config
	letters chan letter
}

// letter is what the server took.
type letter struct {
	from, to, signedIn string
	secure             bool
	text               string
}

func (s *smtpServer) start(t *testing.T) *smtpServer {
	t.Helper()
	s.tls, s.roots = certificate(t)
	s.letters = make(chan letter, 10)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.address = l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *smtpServer) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if s.implicit {
		conn = tls.Server(conn, s.tls)
	}
	got := letter{secure: s.implicit}
	text := textproto.NewConn(conn)
	_ = text.PrintfLine("220 ready")
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			_ = text.PrintfLine("250-here")
			if s.starttls && !got.secure {
				_ = text.PrintfLine("250-STARTTLS")
			}
			_ = text.PrintfLine("250 AUTH PLAIN")
		case "STARTTLS":
			if !s.starttls {
				_ = text.PrintfLine("502 no")
				continue
			}
			_ = text.PrintfLine("220 go on")
			conn, got.secure = tls.Server(conn, s.tls), true
			text = textproto.NewConn(conn)
		case "AUTH":
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			parts := strings.Split(string(plain), "\x00")
			if len(parts) != 3 || parts[2] != s.password {
				_ = text.PrintfLine("535 no")
				continue
			}
			got.signedIn = parts[1]
			_ = text.PrintfLine("235 yes")
		case "MAIL":
			got.from = rest
			_ = text.PrintfLine("250 ok")
		case "RCPT":
			if s.refuse != "" {
				_ = text.PrintfLine("%s", s.refuse)
				continue
			}
			got.to = rest
			_ = text.PrintfLine("250 ok")
		case "DATA":
			_ = text.PrintfLine("354 send")
			lines, err := bufioLines(text)
			if err != nil {
				return
			}
			got.text = lines
			s.letters <- got
			_ = text.PrintfLine("250 taken")
		case "QUIT":
			_ = text.PrintfLine("221 bye")
			return
		default:
			_ = text.PrintfLine("500 what")
		}
	}
}

// bufioLines reads a letter as it stands on the wire, without the dots that were stuffed.
func bufioLines(text *textproto.Conn) (string, error) {
	var b strings.Builder
	r := bufio.NewReader(text.DotReader())
	_, err := r.WriteTo(&b)
	return b.String(), err
}

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, roots
}
