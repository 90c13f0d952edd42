package keywright

import "io"

// DefaultPrefix begins every API key of an instance that sets no other.
const DefaultPrefix = "kw"

// Form says in which form a credential was presented. The zero Form is none.
type Form uint8

// The forms in which somebody can present a credential.
const (
	FormAPIKey      Form = iota + 1 // kw_…: id and secret in one word
	FormIDSecret                    // id and secret apart: Basic, form members
	FormAccessToken                 // a JWT this instance signed (RFC 9068)
	FormForeign                     // somebody else's key, imported, found by digest
	FormSession                     // a person's session: kws_…
)

// Credential is what a caller presented, parsed but not yet proved. It prints
// redacted under every verb and in every log; Reveal is the only way out.
// The zero Credential proves nothing.
type Credential struct{ p *presented }

type presented struct {
	form   Form
	id     ID
	secret string // API key, id+secret, session: the secret; else the whole string
}

// ParseCredential reads one presented string: an API key of the instance whose
// prefix is given, a session, an access token, or, if it can be neither, a
// foreign key. It does no I/O. A string that begins like an API key and has a
// wrong length, alphabet or checksum, or is a second spelling of the same
// bytes, is ErrMalformedCredential.
func ParseCredential(prefix, s string) (Credential, error) { panic("unwritten") }

// IDSecret is the credential of a client id and client secret presented apart,
// as in HTTP Basic or a form (RFC 6749 section 2.3.1).
func IDSecret(id, secret string) (Credential, error) { panic("unwritten") }

// Form says how the credential was presented.
func (c Credential) Form() Form { panic("unwritten") }

// ID is the token's id, or the session's; zero for an access token and a
// foreign key, which carry none that could be believed before proof.
func (c Credential) ID() ID { panic("unwritten") }

// Reveal returns the secret part (API key, id and secret, session), or the whole
// presented string (access token, foreign key).
func (c Credential) Reveal() string { panic("unwritten") }

// Secret is a secret that goes out once. It prints redacted and marshals
// redacted; Reveal is the only way out. The zero Secret is empty.
type Secret struct{ s *string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.s == nil {
		return ""
	}
	return *s.s
}

// GenerateSecret returns 43 base62 characters from random: 32 bytes of
// strength, without modulo bias.
func GenerateSecret(random io.Reader) (string, error) { panic("unwritten") }

// FormatAPIKey writes the API key of id and secret:
// prefix, "_", 22 base62 of id, the 43 of the secret, 6 base62 of the CRC-32
// (IEEE) of all before them.
func FormatAPIKey(prefix string, id ID, secret string) string { panic("unwritten") }

// FormatSession writes a session credential: as FormatAPIKey with an "s" added
// to the prefix.
func FormatSession(prefix string, id ID, secret string) string { panic("unwritten") }

// APIKeyPattern returns the regular expression (RE2) that finds API keys of
// an instance with the given prefix in text; for secret scanners.
func APIKeyPattern(prefix string) string { panic("unwritten") }
