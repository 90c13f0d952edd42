package mail

import (
	"context"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

func (s *smtpServer) mailer(t *testing.T, url string) *Mailer {
	t.Helper()
	m, err := New(Config{
		URL: strings.ReplaceAll(url, "ADDRESS", s.address), Password: keywright.NewSecret("pass word"), From: "Keywright <keys@example.com>",
		Roots: s.roots, Now: func() time.Time { return time.Date(2030, 3, 1, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sample() authority.Letter {
	return authority.Letter{
		ID: keywright.ID{15: 7}, To: "ada@example.org", Subject: "A notice für Ada",
		Body: "Hello ada,\n\n.a line that begins with a dot = an end\n" + strings.Repeat("long ", 300) + "\n",
	}
}

// A letter arrives as it was written, by each of the ways there are.
func TestLetters(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		server           *smtpServer
		url              string
		secure, signedIn bool
	}{
		"TLS from the start": {&smtpServer{implicit: true, password: "pass word"}, "smtps://kw@ADDRESS", true, true},
		"STARTTLS":           {&smtpServer{starttls: true, password: "pass word"}, "smtp://kw@ADDRESS?starttls=required", true, true},
		"nobody signs in":    {&smtpServer{starttls: true}, "smtp://ADDRESS/", true, false},
		"in clear":           {&smtpServer{}, "smtp://ADDRESS?starttls=off", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := row.server.start(t)
			if err := s.mailer(t, row.url).Send(t.Context(), sample()); err != nil {
				t.Fatal(err)
			}
			got := <-s.letters
			if got.secure != row.secure || (got.signedIn == "kw") != row.signedIn || got.from != "FROM:<keys@example.com>" || got.to != "TO:<ada@example.org>" {
				t.Errorf("%+v", got)
			}
			checkLetter(t, got.text)
		})
	}
}

func checkLetter(t *testing.T, text string) {
	t.Helper()
	read, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil || subject != "A notice für Ada" {
		t.Errorf("subject %q, %v", subject, err)
	}
	for header, want := range map[string]string{
		"From": `"Keywright" <keys@example.com>`, "To": "<ada@example.org>", "Date": "Fri, 01 Mar 2030 12:00:00 +0000",
		"Message-Id": "<00000000-0000-0000-0000-000000000007@example.com>", "Auto-Submitted": "auto-generated",
	} {
		if got := read.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != sample().Body {
		t.Errorf("body %q, %v", body, err)
	}
	for line := range strings.Lines(text) {
		if len(line) > 80 {
			t.Errorf("a line of %d characters", len(line))
		}
	}
}

// What somebody else has chosen never becomes a header, a recipient or a command.
func TestInjection(t *testing.T) {
	t.Parallel()
	s := (&smtpServer{}).start(t)
	m := s.mailer(t, "smtp://ADDRESS?starttls=off")
	l := sample()
	l.Subject = "hello\r\nBcc: eve@example.com\r\n\r\nbody\x00\u2028"
	l.Body = "\n.\nQUIT\nMAIL FROM:<eve@example.com>\n"
	if err := m.Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	got := <-s.letters
	read, err := mail.ReadMessage(strings.NewReader(got.text))
	if err != nil || read.Header.Get("Bcc") != "" || len(read.Header) != 9 {
		t.Errorf("%v %v", read.Header, err)
	}
	if body, _ := io.ReadAll(quotedprintable.NewReader(read.Body)); strings.ReplaceAll(string(body), "\r\n", "\n") != l.Body {
		t.Errorf("%q", body)
	}
	for _, to := range []string{
		"", "ada", "ada@example.org\r\nBcc: eve@example.com", "ada@example.org>\r\nRCPT TO:<eve@example.com", "a b@example.org", "ada@example.org, eve@example.com",
		"\"a\\\r\\\nb\"@example.org", "ada@exämple.org", "<>", "\"x y\"@example.org",
	} {
		l.To = to
		if err := m.Send(t.Context(), l); err == nil {
			t.Errorf("a letter to %q was sent: %+v", to, <-s.letters)
		}
	}
}

// What is not sent safely is not sent, and no error holds the password.
func TestRefusedLetters(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	strange := (&smtpServer{implicit: true}).start(t)
	strange.roots = nil
	for name, row := range map[string]struct {
		ctx    context.Context
		server *smtpServer
		url    string
		say    string
	}{
		"no STARTTLS":         {t.Context(), (&smtpServer{password: "pass word"}).start(t), "smtp://kw@ADDRESS", "STARTTLS"},
		"unknown certificate": {t.Context(), strange, "smtps://ADDRESS", "certificate"},
		"wrong password":      {t.Context(), (&smtpServer{starttls: true, password: "other"}).start(t), "smtp://kw@ADDRESS", "sign in"},
		"refused recipient":   {t.Context(), (&smtpServer{refuse: "550 nobody here"}).start(t), "smtp://ADDRESS?starttls=off", "nobody here"},
		"stopped":             {ended, (&smtpServer{}).start(t), "smtp://ADDRESS?starttls=off", "cancel"},
		"TLS at a clear port": {t.Context(), (&smtpServer{}).start(t), "smtps://ADDRESS", "tls"},
	} {
		err := row.server.mailer(t, row.url).Send(row.ctx, sample())
		if err == nil || !strings.Contains(err.Error(), row.say) || strings.Contains(err.Error(), "pass word") {
			t.Errorf("%s: %v", name, err)
		}
		if len(row.server.letters) != 0 {
			t.Errorf("%s: a letter was taken", name)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for url, say := range map[string]string{
		"": "want smtps://", "mail.example.com": "want smtps://", "http://mail.example.com": "want smtps://", "smtp://": "want smtps://",
		"smtp://kw:hidden@mail.example.com": "KEYWRIGHT_SMTP_PASSWORD", "smtp://mail.example.com?starttls=maybe": "starttls=required",
		"smtps://mail.example.com?starttls=off": "starttls", "smtp://mail.example.com?tls=off": "starttls", "smtp://mail.example.com/inbox": "want smtps://",
	} {
		if _, err := New(Config{URL: url, From: "a@example.com"}); err == nil || !strings.Contains(err.Error(), say) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, from := range []string{"", "keys", "a@example.com\nX: y"} {
		if _, err := New(Config{URL: "smtp://mail.example.com", From: from}); err == nil {
			t.Errorf("sender %q", from)
		}
	}
	for url, want := range map[string]string{
		"smtp://mail.example.com": "mail.example.com:587", "smtps://mail.example.com": "mail.example.com:465", "smtp://[::1]:25": "[::1]:25",
	} {
		if m, err := New(Config{URL: url, From: "a@example.com"}); err != nil || m.address != want {
			t.Errorf("%q: %+v, %v", url, m, err)
		}
	}
}
