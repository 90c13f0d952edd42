// Package server is one running instance: it opens what lies on disk, wires the
// authority to its doors, and puts one handler in front of them all.
//
// What a door can rely on, so that none of them repeats it: the path is clean UTF-8
// without empty, "." or ".." parts and without encoded slashes; r.RemoteAddr is the
// address of the client, behind trusted proxies too; the header X-Request-Id of the
// request is set and well formed; User-Agent holds nothing that looks like a key; and what a
// handler panics with is answered, without a word of it.
package server

import (
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/factcache"
)

// Config is what an instance is opened with. Data and Listen are required.
type Config struct {
	// Data is the directory of the SQLite database, the lock and the master key. It is made,
	// for its owner alone, if it is not there; one that others may read is refused.
	Data string
	// Database is the URL of a PostgreSQL database, which any number of servers may share; none: SQLite, in Data.
	Database keywright.Secret
	// Lease is how long facts may be answered from memory after a database that others share was last heard of, and so how
	// long a change may have to wait for a server that is dead; 500 ms to 1 minute; 0: 3 s.
	Lease time.Duration
	// Listen is the TCP address, host:port; port 0 takes a free one.
	Listen string
	// PublicURL is the URL under which clients reach the instance, and so the issuer of
	// access tokens; empty: what Listen and TLS make of it.
	PublicURL string
	// TLSCert and TLSKey name PEM files; they are read again when they change. Both empty: no TLS.
	TLSCert, TLSKey string

	// MasterKey is the text of a master key file, MasterKeyFile names one; at most one
	// of them is set. Neither: master.key in Data, made at the first start.
	MasterKey     keywright.Secret
	MasterKeyFile string

	// AdminEmail and AdminPassword are the first user's, used at the first start only; an
	// empty password: one is generated.
	AdminEmail    string
	AdminPassword keywright.Secret

	Prefix    string        // of API keys; empty: keywright.DefaultPrefix
	AccessTTL time.Duration // life of an access token; 0: 5 minutes

	// Dialects names the other people's token APIs that are spoken, as DialectNames has them; empty: all. The
	// name "none", alone, is for none.
	Dialects []string

	// SMTPURL is the mail server by which people are told of what is about to happen, as mail.Config has it; empty: nobody
	// is told by e-mail. SMTPFrom is the sender. SMTPPassword is the password of the URL's user, SMTPPasswordFile names a
	// file with it; at most one of them is set.
	SMTPURL, SMTPFrom string
	SMTPPassword      keywright.Secret
	SMTPPasswordFile  string

	// WebhookNetworks are those that webhooks may go to although they are not public; there http will do. None: webhooks
	// go to public addresses, by https.
	WebhookNetworks []netip.Prefix

	SSO SSO

	// DrainDelay is for how long requests are still taken after the server was told to stop, while /readyz says so and each answer is the
	// last of its connection: load balancers need as long to notice. It passes only if somebody asked /readyz in the
	// last minute. At most 5 minutes; 0: no time.
	DrainDelay time.Duration

	// TrustedProxies are the networks whose X-Forwarded-For is believed; none: nobody's.
	TrustedProxies []netip.Prefix
	Limits         Limits
	// Gateways are the rules by which proxies ask; see ParseGateways.
	Gateways Gateways
	// Metrics is the TCP address at which Prometheus finds /metrics, host:port, without TLS and for everybody who reaches it;
	// empty: nowhere.
	Metrics string
	// SPOE is the TCP address at which HAProxy asks, host:port; empty: it cannot.
	SPOE string
	// ExtAuthz is the TCP address at which Envoy asks by gRPC, host:port; empty: it cannot.
	ExtAuthz string
	// Version is the program's, for the API's document.
	Version string

	// Fault is empty: the suite that tests the tests of revocation plants bugs by it.
	Fault factcache.Fault

	Log    *slog.Logger     // nil: discarded
	Now    func() time.Time // nil: time.Now
	Random io.Reader        // nil: crypto/rand.Reader
}

// SSO is single sign-on by a provider of OpenID Connect. The zero value is none.
type SSO struct {
	Issuer       string // as the provider writes it; empty: there is no single sign-on
	ClientID     string
	ClientSecret keywright.Secret
	// ClientSecretFile names a file that holds the secret; at most one of the two is set.
	ClientSecretFile string
	Scopes           []string // empty: openid, profile, email
	GroupsClaim      string   // empty: groups
	// Roles say which group gives which role: GROUP=operator, GROUP=ROLE@ACCOUNT, GROUP=ROLE@ACCOUNT/SPACE.
	Roles []string
	// KnownOnly refuses people who are no users yet, whatever groups they are in.
	KnownOnly bool
	// NoPasswords refuses to sign in by password.
	NoPasswords bool
}

// Limits bound what one connection or request may cost. A zero member takes the
// default that it names.
type Limits struct {
	ReadHeader  time.Duration // until the headers are read; 5 s
	Read        time.Duration // until the body is read; 30 s
	Write       time.Duration // until the answer is written, from the end of the headers; 60 s
	Idle        time.Duration // between two requests; 120 s
	Drain       time.Duration // for the requests under way when the server stops; 20 s
	HeaderBytes int           // 32 KiB
	BodyBytes   int64         // of any request, whatever a door takes; 16 MiB
}

func (l Limits) withDefaults() Limits {
	return Limits{
		ReadHeader:  orDefault(l.ReadHeader, 5*time.Second),
		Read:        orDefault(l.Read, 30*time.Second),
		Write:       orDefault(l.Write, 60*time.Second),
		Idle:        orDefault(l.Idle, 120*time.Second),
		Drain:       orDefault(l.Drain, 20*time.Second),
		HeaderBytes: orDefault(l.HeaderBytes, 32<<10),
		BodyBytes:   orDefault(l.BodyBytes, 16<<20),
	}
}

func orDefault[T comparable](v, otherwise T) T {
	if zero := *new(T); v == zero {
		return otherwise
	}
	return v
}
