// Package mail sends letters in plain text by SMTP (RFC 5321), to the one server that is configured. What they say, and
// what becomes of one that cannot be sent, is the authority's.
package mail

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const timeout = 30 * time.Second // for a letter

// Config says by which server letters go. URL and From are required.
type Config struct {
	// URL is smtps://USER@HOST:PORT (TLS from the start; port 465 unless said) or smtp://USER@HOST:PORT (STARTTLS, which the
	// server must offer; port 587). ?starttls=off is for a relay on the same machine or network. Without a user nobody signs in.
	URL      string
	Password keywright.Secret
	From     string         // address, with or without a name
	Roots    *x509.CertPool // nil: the system's
	Now      func() time.Time
}

// Mailer sends letters. Make it with New. Safe for concurrent use.
type Mailer struct {
	host, address string
	auth          smtp.Auth // nil: nobody signs in
	tls           *tls.Config
	implicit      bool // TLS from the start
	starttls      bool
	from          *mail.Address
	now           func() time.Time
}

// New checks the configuration. It does no I/O.
func New(cfg Config) (*Mailer, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return nil, errors.New("the mail server's URL: want smtps://USER@HOST:PORT or smtp://USER@HOST:PORT")
	}
	if _, set := u.User.Password(); set {
		return nil, errors.New("the mail server's URL holds a password, which everybody on the machine can read: give it by KEYWRIGHT_SMTP_PASSWORD or --smtp-password-file")
	}
	m := &Mailer{host: u.Hostname(), implicit: u.Scheme == "smtps", now: cfg.Now}
	if m.now == nil {
		m.now = time.Now
	}
	if err := m.options(u.Query()); err != nil {
		return nil, err
	}
	m.address = net.JoinHostPort(m.host, cmp.Or(u.Port(), map[bool]string{true: "465", false: "587"}[m.implicit]))
	m.tls = &tls.Config{ServerName: m.host, RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12}
	if name := u.User.Username(); name != "" {
		m.auth = smtp.PlainAuth("", name, cfg.Password.Reveal(), m.host)
	}
	if m.from, err = address(cfg.From); err != nil {
		return nil, fmt.Errorf("the sender of mail: %w", err)
	}
	return m, nil
}

func (m *Mailer) options(query url.Values) error {
	m.starttls = !m.implicit
	for name, values := range query {
		switch {
		case name != "starttls" || m.implicit || len(values) != 1 || values[0] != "off" && values[0] != "required":
			return errors.New("the mail server's URL: want no parameter, or with smtp:// starttls=required (which is the default) or starttls=off")
		case values[0] == "off":
			m.starttls = false
		}
	}
	return nil
}

// address reads an address that can stand in a header and in a command.
func address(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(a.Address, unfit) || strings.ContainsFunc(a.Name, unicode.IsControl) {
		return nil, fmt.Errorf("%q is no e-mail address", text)
	}
	return a, nil
}

func unfit(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>", r) }

// Send sends one letter. Nothing is retried.
func (m *Mailer) Send(ctx context.Context, l authority.Letter) error {
	to, err := address(l.To)
	if err != nil {
		return err
	}
	text, err := m.compose(to, l)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := m.connect(ctx)
	if err != nil {
		return fmt.Errorf("mail server %s: %w", m.address, err)
	}
	defer c.Close()
	if err := m.hand(c, to.Address, text); err != nil {
		return fmt.Errorf("mail server %s: %w", m.address, err)
	}
	return nil
}

// connect greets the server over TLS, unless that was switched off. A server that offers none gets no letter.
func (m *Mailer) connect(ctx context.Context) (*smtp.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if m.implicit {
		conn = tls.Client(conn, m.tls)
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if m.starttls {
		if err := c.StartTLS(m.tls); err != nil {
			_ = c.Close()
			return nil, fmt.Errorf("STARTTLS: %w", err)
		}
	}
	return c, nil
}

func (m *Mailer) hand(c *smtp.Client, to string, text []byte) error {
	if m.auth != nil {
		if err := c.Auth(m.auth); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
	}
	if err := c.Mail(m.from.Address); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // it is the server's by now
	return nil
}

// compose writes the letter (RFC 5322): what comes from elsewhere is encoded, so that it is a part of one header and no more.
func (m *Mailer) compose(to *mail.Address, l authority.Letter) ([]byte, error) {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(m.from.Address, "@")
	for _, h := range [][2]string{
		{"From", m.from.String()},
		{"To", to.String()},
		{"Subject", mime.QEncoding.Encode("utf-8", oneLine(l.Subject))},
		{"Date", m.now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + l.ID.String() + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no vacation answers
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(l.Body, "\n", "\r\n"))); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

// oneLine has no character that could end a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
