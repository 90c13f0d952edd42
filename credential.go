package keywright

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// DefaultPrefix begins every API key of an instance that sets no other. The
// functions here take an empty prefix for it.
const DefaultPrefix = "kw"

// Widths of the parts of an API key after its prefix, in base62 digits.
const (
	idDigits       = 22
	secretDigits   = 43
	checksumDigits = 6
	keyDigits      = idDigits + secretDigits + checksumDigits
)

// What is not one of our own forms may have so many characters.
const (
	minForeign     = 8
	maxForeign     = 1024
	maxAccessToken = 8192
)

// Why a credential is malformed, for whoever checks one offline; an instance
// tells callers nothing of it.
var (
	errLength   = fmt.Errorf("%w: an API key has %d characters after its prefix and underscore", ErrMalformedCredential, keyDigits)
	errAlphabet = fmt.Errorf("%w: a character is not in 0-9 A-Z a-z", ErrMalformedCredential)
	errChecksum = fmt.Errorf("%w: the checksum does not match", ErrMalformedCredential)
	errID       = fmt.Errorf("%w: its id is not a UUID", ErrMalformedCredential)
	errSecret   = fmt.Errorf("%w: a client secret has %d characters of 0-9 A-Z a-z", ErrMalformedCredential, secretDigits)
	errSpelling = fmt.Errorf("%w: the access token is not canonical base64url", ErrMalformedCredential)
	errForeign  = fmt.Errorf("%w: want %d to %d printable ASCII characters without spaces", ErrMalformedCredential, minForeign, maxForeign)
)

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

var formNames = []string{"none", "api_key", "id_secret", "access_token", "foreign", "session"}

// String is the form's name, for logs.
func (f Form) String() string {
	if int(f) >= len(formNames) {
		return formNames[0]
	}
	return formNames[f]
}

// Credential is what a caller presented, parsed but not yet proved. It prints
// redacted under every verb and in every log; Reveal is the only way out.
// The zero Credential proves nothing.
type Credential struct{ p **presented }

// presented stands behind two pointers because fmt reads unexported fields too,
// and calls no method on them: a single pointer it follows when the verb does
// not suit (%s), a pointer to a pointer never.
type presented struct {
	self   *presented // the second pointer, in the same allocation
	form   Form
	id     ID
	secret string // API key, id+secret, session: the secret; else the whole string
}

func newCredential(form Form, id ID, secret string) Credential {
	p := &presented{form: form, id: id, secret: secret}
	p.self = p
	return Credential{&p.self}
}

// presented is what the credential holds; nothing if it is zero.
func (c Credential) presented() presented {
	if c.p == nil {
		return presented{}
	}
	return **c.p
}

// ParseCredential reads one presented string: an API key of the instance whose
// prefix is given, a session, an access token, a client id and secret as
// Meerschaum's clients put them into one word ("mrsm-key:" and the base64 of
// "id:secret"), or, if it can be none of these, a foreign key. It does no I/O. A string that begins like an API key and has a
// wrong length, alphabet or checksum, or is a second spelling of the same
// bytes, is ErrMalformedCredential.
func ParseCredential(prefix, s string) (Credential, error) {
	if rest, ok := strings.CutPrefix(s, cmp.Or(prefix, DefaultPrefix)); ok {
		switch {
		case strings.HasPrefix(rest, "_"):
			return parseKey(FormAPIKey, s, rest[len("_"):])
		case strings.HasPrefix(rest, "s_"):
			return parseKey(FormSession, s, rest[len("s_"):])
		}
	}
	if shaped, canonical := accessTokenShape(s); shaped {
		return parseAccessToken(s, canonical)
	}
	if c, ok := parsePair(s); ok {
		return c, nil
	}
	return parseForeign(s)
}

// parsePair reads an API key as Meerschaum's clients write it. One with an id or a secret that
// cannot be ours was made elsewhere.
func parsePair(s string) (Credential, bool) {
	encoded, ok := strings.CutPrefix(s, "mrsm-key:")
	if !ok || strings.ContainsAny(encoded, "\r\n") {
		return Credential{}, false
	}
	plain, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return Credential{}, false
	}
	id, secret, _ := strings.Cut(string(plain), ":")
	c, err := IDSecret(id, secret)
	return c, err == nil
}

// parseKey reads the digits of an API key or a session; whole is the key from
// its first character on, which the checksum covers.
func parseKey(form Form, whole, digits string) (Credential, error) {
	if len(digits) != keyDigits {
		return Credential{}, errLength
	}
	if !isBase62(digits) {
		return Credential{}, errAlphabet
	}
	body, sum := whole[:len(whole)-checksumDigits], digits[keyDigits-checksumDigits:]
	if _, n, _ := parseBase62(sum); n != uint64(checksum(body)) {
		return Credential{}, errChecksum
	}
	hi, lo, ok := parseBase62(digits[:idDigits])
	if !ok || hi|lo == 0 {
		return Credential{}, errID
	}
	var id ID
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return newCredential(form, id, digits[idDigits:idDigits+secretDigits]), nil
}

// checksum is CRC-32 (IEEE). It is written out because the standard library's
// takes bytes, and the copy of a string would be one allocation a request. It takes eight bytes at a
// time ("slicing by 8"): of one at a time, each waits for the one before.
func checksum(s string) uint32 {
	crc := ^uint32(0)
	for ; len(s) >= 8; s = s[8:] {
		crc ^= uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
		crc = crcTables[7][byte(crc)] ^ crcTables[6][byte(crc>>8)] ^ crcTables[5][byte(crc>>16)] ^ crcTables[4][crc>>24] ^
			crcTables[3][s[4]] ^ crcTables[2][s[5]] ^ crcTables[1][s[6]] ^ crcTables[0][s[7]]
	}
	for i := range len(s) {
		crc = crcTables[0][byte(crc)^s[i]] ^ crc>>8
	}
	return ^crc
}

// crcTables say what a byte becomes after so many zero bytes.
var crcTables = func() (t [8]crc32.Table) {
	t[0] = *crc32.IEEETable
	for n := 1; n < len(t); n++ {
		for i, crc := range t[n-1] {
			t[n][i] = t[0][byte(crc)] ^ crc>>8
		}
	}
	return t
}()

func parseAccessToken(s string, canonical bool) (Credential, error) {
	if !canonical || len(s) > maxAccessToken {
		return Credential{}, errSpelling
	}
	return newCredential(FormAccessToken, ID{}, s), nil
}

// accessTokenShape reports whether s has the shape of a signed JWT: three
// segments of base64url, the first of which begins a JSON object (RFC 7515
// section 7.1); and whether each is the only spelling of its bytes.
func accessTokenShape(s string) (shaped, canonical bool) {
	if !strings.HasPrefix(s, "eyJ") || strings.Count(s, ".") != 2 {
		return false, false
	}
	canonical = true
	for segment := range strings.SplitSeq(s, ".") {
		ok, exact := base64Segment(segment)
		if !ok {
			return false, false
		}
		canonical = canonical && exact
	}
	return true, canonical
}

// base64Segment reports whether s is base64url without padding, and whether the
// bits that its last character has to spare are zero.
func base64Segment(s string) (ok, exact bool) {
	for i := range len(s) {
		if base64Value[s[i]] < 0 {
			return false, false
		}
	}
	if len(s) == 0 {
		return false, false
	}
	spare := [...]int{0, -1, 4, 2}[len(s)%4]
	return true, spare >= 0 && base64Value[s[len(s)-1]]&(1<<max(spare, 0)-1) == 0
}

// base64Value is the value of each digit of base64url, below 0 for what is none.
var base64Value = func() (values [256]int8) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range values {
		values[i] = int8(strings.IndexByte(digits, byte(i)))
	}
	return values
}()

func parseForeign(s string) (Credential, error) {
	if len(s) < minForeign || len(s) > maxForeign {
		return Credential{}, errForeign
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return Credential{}, errForeign
		}
	}
	return newCredential(FormForeign, ID{}, s), nil
}

// IDSecret is the credential of a client id and client secret presented apart,
// as in HTTP Basic or a form (RFC 6749 section 2.3.1).
func IDSecret(id, secret string) (Credential, error) {
	parsed, err := ParseID(id)
	if err != nil {
		return Credential{}, errID
	}
	if len(secret) != secretDigits || !isBase62(secret) {
		return Credential{}, errSecret
	}
	return newCredential(FormIDSecret, parsed, secret), nil
}

// Form says how the credential was presented.
func (c Credential) Form() Form { return c.presented().form }

// ID is the token's id, or the session's; zero for an access token and a
// foreign key, which carry none that could be believed before proof.
func (c Credential) ID() ID { return c.presented().id }

// Reveal returns the secret part (API key, id and secret, session), or the whole
// presented string (access token, foreign key).
func (c Credential) Reveal() string { return c.presented().secret }

const redacted = "REDACTED"

// String is the form, the public id if there is one, and nothing else.
func (c Credential) String() string {
	switch p := c.presented(); {
	case p.form == 0:
		return p.form.String()
	case p.id.IsZero():
		return p.form.String() + ":" + redacted
	default:
		return p.form.String() + ":" + p.id.String() + ":" + redacted
	}
}

// Format writes String under every verb.
func (c Credential) Format(f fmt.State, verb rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is String.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText writes String: a credential cannot be stored by encoding it.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

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

// String is "REDACTED", or nothing if the secret is empty.
func (s Secret) String() string {
	if s.Reveal() == "" {
		return ""
	}
	return redacted
}

// Format writes String under every verb.
func (s Secret) Format(f fmt.State, verb rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText writes String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// GenerateSecret returns 43 base62 characters from random: 32 bytes of
// strength, without modulo bias.
func GenerateSecret(random io.Reader) (string, error) {
	var raw [64]byte
	secret := make([]byte, 0, secretDigits)
	for range 16 { // one round is enough but once in 10^17; a source stuck at 0xff must not hang us
		if _, err := io.ReadFull(random, raw[:]); err != nil {
			return "", fmt.Errorf("keywright: read randomness: %w", err)
		}
		for _, b := range raw {
			if b < 256/62*62 && len(secret) < secretDigits {
				secret = append(secret, base62Digits[b%62])
			}
		}
		if len(secret) == secretDigits {
			return string(secret), nil
		}
	}
	return "", errors.New("keywright: the source of randomness is not random")
}

// FormatAPIKey writes the API key of id and secret:
// prefix, "_", 22 base62 of id, the 43 of the secret, 6 base62 of the CRC-32
// (IEEE) of all before them.
func FormatAPIKey(prefix string, id ID, secret string) string {
	return formatKey(cmp.Or(prefix, DefaultPrefix)+"_", id, secret)
}

// FormatSession writes a session credential: as FormatAPIKey with an "s" added
// to the prefix.
func FormatSession(prefix string, id ID, secret string) string {
	return formatKey(cmp.Or(prefix, DefaultPrefix)+"s_", id, secret)
}

func formatKey(start string, id ID, secret string) string {
	key := append(make([]byte, 0, len(start)+keyDigits), start...)
	key = appendBase62(key, binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:]), idDigits)
	key = append(key, secret...)
	return string(appendBase62(key, 0, uint64(crc32.ChecksumIEEE(key)), checksumDigits))
}

// APIKeyPattern returns the regular expression (RE2) that finds API keys of
// an instance with the given prefix in text; for secret scanners. An id below
// 2^128 begins with a digit up to 7.
func APIKeyPattern(prefix string) string {
	return fmt.Sprintf(`\b%s_[0-7][0-9A-Za-z]{%d}\b`, regexp.QuoteMeta(cmp.Or(prefix, DefaultPrefix)), keyDigits-1)
}
