package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/factcache"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/mail"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/store/sqlstore"
	"github.com/keywright/keywright/internal/webhook"
)

// Opened says what opening found or made, for the person who started it.
type Opened struct {
	URL           string                     // under which clients reach the instance
	Data          string                     // absolute
	Database      string                     // how people know the PostgreSQL database; empty: SQLite, in Data
	MasterKeyFile string                     // made by this start; empty: it was there, or was given
	FirstStart    authority.FirstStartResult // zero but at the first start
}

// Leases that are shorter are lost when the database is slow for a moment; for longer ones nobody wants to wait.
const leastLease, mostLease = 500 * time.Millisecond, time.Minute

// mostDrainDelay is more than any load balancer needs to notice.
const mostDrainDelay = 5 * time.Minute

// Open locks the data directory, takes the address, opens the database, and makes at the
// first start what an instance needs. On an error nothing is left open.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: withDefaults(cfg)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func withDefaults(cfg Config) Config {
	cfg.Limits = cfg.Limits.withDefaults()
	cfg.Lease = orDefault(cfg.Lease, 3*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	return cfg
}

func (s *Server) open(ctx context.Context) (err error) {
	if err = checkDialects(s.cfg.Dialects); err != nil {
		return err
	}
	if s.cfg.Lease < leastLease || s.cfg.Lease > mostLease {
		return fmt.Errorf("the lease is %s: want %s to %s", s.cfg.Lease, leastLease, mostLease)
	}
	if s.cfg.DrainDelay < 0 || s.cfg.DrainDelay > mostDrainDelay {
		return fmt.Errorf("the drain delay is %s: want 0 to %s", s.cfg.DrainDelay, mostDrainDelay)
	}
	if s.lock, err = openData(s.cfg.Data); err != nil {
		return err
	}
	if s.listener, err = s.listen(); err != nil {
		return err
	}
	if err := s.listenBeside(); err != nil {
		return err
	}
	known, err := s.openPostgres(ctx)
	if err != nil {
		return err
	}
	keys, made, err := masterKey(s.cfg, known)
	if err != nil {
		return err
	}
	s.Opened = Opened{URL: s.publicURL(), Data: absolute(s.cfg.Data), Database: s.shared(), MasterKeyFile: made}
	if err := issuable(s.Opened.URL); err != nil {
		return err
	}
	if s.provider, s.signOn, err = s.cfg.SSO.read(s.Opened.URL, s.cfg.Now); err != nil {
		return err
	}
	if err := s.openSQLite(ctx); err != nil {
		return err
	}
	if err := s.start(ctx, keys); err != nil {
		return err
	}
	return s.mount(keys)
}

// openPostgres opens the database that is shared, if one is. known is the name of a database that a master key belongs to
// already.
func (s *Server) openPostgres(ctx context.Context) (known string, err error) {
	if s.shared() == "" {
		return existing(filepath.Join(s.cfg.Data, databaseFile))
	}
	s.store, err = sqlstore.OpenPostgres(ctx, sqlstore.PostgresOptions{URL: s.cfg.Database, Log: s.cfg.Log})
	if err != nil {
		return "", fmt.Errorf("open the database: %w", err)
	}
	begun, err := authority.Begun(ctx, s.store)
	if err != nil || !begun {
		return "", err
	}
	return s.shared(), nil
}

func (s *Server) openSQLite(ctx context.Context) (err error) {
	if s.store != nil {
		return nil
	}
	s.store, err = sqlstore.OpenSQLite(ctx, sqlstore.Options{Path: filepath.Join(s.cfg.Data, databaseFile), Log: s.cfg.Log})
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	return nil
}

// shared names the database that other servers may have open too; empty: there is none.
func (s *Server) shared() string {
	if s.cfg.Database.Reveal() == "" {
		return ""
	}
	return sqlstore.PostgresName(s.cfg.Database)
}

// remember makes the node that verifications ask. Of a database that others change too, it answers from memory only while it holds
// a lease.
func (s *Server) remember() {
	s.followers = &factcache.Followers{Lease: s.cfg.Lease, Fault: s.cfg.Fault}
	s.node = factcache.NewNode(s.store, factcache.NodeOptions{
		Nodes:     s.store.Nodes(),
		Followers: s.followers,
		Lease:     s.cfg.Lease,
		Name:      s.name(),
		Version:   s.cfg.Version,
		Random:    s.cfg.Random,
		Log:       s.cfg.Log,
		Fault:     s.cfg.Fault,
	})
}

// follow has a follower wait for what changes. Its lease ends no later than this node's own.
func (s *Server) follow(ctx context.Context, who store.Follower, since keywright.Revision) (store.News, error) {
	end, ok := s.node.LeaseEnd()
	if !ok {
		end = time.Time{}
	}
	return s.followers.Poll(ctx, who, since, end)
}

// name is how people know this server among those that share its database.
func (s *Server) name() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return net.JoinHostPort(host, strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port))
}

// start makes the authority, and what a first start makes.
func (s *Server) start(ctx context.Context, keys *keyring.Ring) (err error) {
	s.remember()
	s.metrics = newMetrics(s)
	letters, err := s.mailer()
	if err != nil {
		return err
	}
	s.authority, err = authority.New(authority.Config{
		Store:  s.store,
		Finder: s.node,
		Forget: s.forget,

		Applied: s.node.Applied,
		Follow:  s.follow,
		Nodes:   s.node.Presence,

		Usage: s.store,

		Gateways: s.cfg.Gateways,

		Post:          s.post(s.webhooks().Send),
		Mail:          letters,
		PlainWebhooks: len(s.cfg.WebhookNetworks) > 0,

		Keys:      keys,
		Issuer:    s.Opened.URL,
		Prefix:    s.cfg.Prefix,
		SSO:       s.signOn,
		AccessTTL: s.cfg.AccessTTL,
		Now:       s.cfg.Now,
		Random:    s.cfg.Random,
		Log:       s.cfg.Log,
	})
	if err != nil {
		return err
	}
	if err := s.checkGateways(ctx); err != nil {
		return err
	}
	s.Opened.FirstStart, err = s.authority.Bootstrap(ctx, authority.FirstStart{
		AdminEmail:    s.cfg.AdminEmail,
		AdminPassword: s.cfg.AdminPassword,
	})
	return err
}

func (s *Server) webhooks() *webhook.Sender {
	return webhook.New(webhook.Config{Networks: s.cfg.WebhookNetworks, UserAgent: "keywright/" + cmp.Or(s.cfg.Version, "dev")})
}

// mailer is what sends letters; nil if no mail server is configured.
func (s *Server) mailer() (func(context.Context, authority.Letter) error, error) {
	if s.cfg.SMTPURL == "" {
		return nil, nil
	}
	password, err := smtpPassword(s.cfg)
	if err != nil {
		return nil, err
	}
	m, err := mail.New(mail.Config{URL: s.cfg.SMTPURL, Password: password, From: s.cfg.SMTPFrom, Now: s.cfg.Now})
	if err != nil {
		return nil, err
	}
	return m.Send, nil
}

func smtpPassword(cfg Config) (keywright.Secret, error) {
	if cfg.SMTPPasswordFile == "" {
		return cfg.SMTPPassword, nil
	}
	if cfg.SMTPPassword.Reveal() != "" {
		return cfg.SMTPPassword, errors.New("the password for the mail server is given twice, by value and by file: give one")
	}
	if err := private(cfg.SMTPPasswordFile); err != nil {
		return keywright.Secret{}, fmt.Errorf("password for the mail server: %w", err)
	}
	text, err := os.ReadFile(cfg.SMTPPasswordFile)
	if err != nil {
		return keywright.Secret{}, fmt.Errorf("password for the mail server: %w", err)
	}
	return keywright.NewSecret(strings.TrimRight(string(text), "\r\n")), nil
}

// listen takes the address; with TLS, the certificate must be readable now.
func (s *Server) listen() (net.Listener, error) {
	if s.cfg.TLSCert != "" || s.cfg.TLSKey != "" {
		certificate, err := loadCertificate(s.cfg)
		if err != nil {
			return nil, err
		}
		s.tls = certificate.config()
	}
	listener, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

// publicURL is the configured one, or made of the address: a wildcard address is reached as localhost.
func (s *Server) publicURL() string {
	if s.cfg.PublicURL != "" {
		return strings.TrimSuffix(s.cfg.PublicURL, "/")
	}
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	address := s.listener.Addr().(*net.TCPAddr)
	host := address.IP.String()
	if configured, _, err := net.SplitHostPort(s.cfg.Listen); err == nil && configured != "" && net.ParseIP(configured) == nil {
		host = configured
	} else if address.IP.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, fmt.Sprint(address.Port))
}

// issuable refuses a URL that cannot be an issuer (RFC 8414 section 2).
func issuable(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("the public URL %q cannot be an issuer: want https://HOST or https://HOST/PATH, without user, query and fragment", issuer)
	}
	return nil
}
