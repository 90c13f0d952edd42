package keywright_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright"
)

const (
	sampleID     = "0195540c-3a00-7d4e-8f50-123456789abc"
	sampleSecret = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"
	sampleJWT    = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
)

// base62 writes n in width digits, slowly, by way of math/big.
func base62(n *big.Int, width int) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var s string
	for n, rest := new(big.Int).Set(n), new(big.Int); len(s) < width; {
		n.QuoRem(n, big.NewInt(62), rest)
		s = digits[rest.Int64():rest.Int64()+1] + s
	}
	return s
}

// sealed appends the checksum to a key's body.
func sealed(body string) string {
	return body + base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), 6)
}

// idDigits is the 22 digits of an id.
func idDigits(id keywright.ID) string { return base62(new(big.Int).SetBytes(id[:]), 22) }

type keyVector struct {
	Name      string  `json:"name"`
	Prefix    string  `json:"prefix"`
	Presented string  `json:"presented"`
	Form      *string `json:"form"`
	ID        string  `json:"id,omitempty"`
	Secret    string  `json:"secret,omitempty"`
}

func (v keyVector) check(t testing.TB) {
	t.Helper()
	c, err := keywright.ParseCredential(v.Prefix, v.Presented)
	if v.Form == nil {
		if !errors.Is(err, keywright.ErrMalformedCredential) || c != (keywright.Credential{}) {
			t.Errorf("%s: %v, %v; want it malformed", v.Name, c, err)
		}
		return
	}
	if err != nil || c.Form().String() != *v.Form {
		t.Errorf("%s: %v, %v; want %s", v.Name, c, err, *v.Form)
		return
	}
	wantSecret, wantID := v.Presented, ""
	if v.Secret != "" {
		wantSecret, wantID = v.Secret, v.ID
	}
	if id, _ := c.ID().MarshalText(); string(id) != wantID || c.Reveal() != wantSecret {
		t.Errorf("%s: id %s and secret %s", v.Name, id, c.Reveal())
	}
}

// keyVectors lists strings to parse, valid and in each way not.
func keyVectors() []keyVector {
	id := idDigits(mustID(sampleID))
	body := "kw_" + id + sampleSecret
	key := sealed(body)
	limit := new(big.Int).Lsh(big.NewInt(1), 128)
	malformed := func(name, presented string) keyVector {
		return keyVector{Name: name, Prefix: "kw", Presented: presented}
	}
	form := func(name, form, presented string) keyVector {
		return keyVector{Name: name, Prefix: "kw", Presented: presented, Form: &form}
	}
	ours := func(name, as, prefix, presented string) keyVector {
		return keyVector{name, prefix, presented, &as, sampleID, sampleSecret}
	}
	return []keyVector{
		ours("API key", "api_key", "kw", key),
		ours("API key of another prefix", "api_key", "acme", sealed("acme_"+id+sampleSecret)),
		ours("session", "session", "kw", sealed("kws_"+id+sampleSecret)),
		malformed("empty", ""),
		malformed("only the prefix", "kw_"),
		malformed("one character less", key[:len(key)-1]),
		malformed("one character more", key+"0"),
		malformed("last character changed", key[:len(key)-1]+other(key[len(key)-1])),
		malformed("character of the secret changed", sealed(body)[:30]+other(key[30])+key[31:]),
		malformed("two characters swapped", body[:26]+string(body[27])+string(body[26])+key[27:]+""),
		malformed("checksum of another prefix", "kw_"+sealed("kx_" + id + sampleSecret)[3:]),
		malformed("checksum does not fit 32 bits", body+"zzzzzz"),
		malformed("character outside the alphabet", sealed("kw_"+id+"-"+sampleSecret[1:])),
		malformed("underscore in the secret", sealed("kw_"+id+"_"+sampleSecret[1:])),
		malformed("other script's digit", sealed("kw_"+id+"٣"+sampleSecret[2:])),
		malformed("id is 2^128", sealed("kw_"+base62(limit, 22)+sampleSecret)),
		malformed("second spelling: id is 2^128 more", sealed("kw_"+base62(new(big.Int).Add(limit, new(big.Int).SetBytes(idBytes())), 22)+sampleSecret)),
		malformed("id is all z", sealed("kw_"+strings.Repeat("z", 22)+sampleSecret)),
		malformed("id is zero", sealed("kw_"+strings.Repeat("0", 22)+sampleSecret)),
		malformed("session with one character less", sealed("kws_" + id + sampleSecret)[:74]),
		malformed("with a newline", key+"\n"),
		malformed("with a space before", " "+key),
		form("prefix in upper case is somebody else's", "foreign", "KW"+key[2:]),
		form("another instance's key is somebody else's", "foreign", sealed("acme_"+id+sampleSecret)),
		form("access token", "access_token", sampleJWT),
		form("access token with - and _", "access_token", "eyJ-_A.eyJh.AA"),
		malformed("access token, second spelling of the signature", "eyJh.eyJh.AB"),
		malformed("access token, one character beyond whole bytes", "eyJh.eyJh.AAAAA"),
		form("two segments are no access token", "foreign", "eyJhbGciOiJ9.eyJzdWIi"),
		form("padding is no access token", "foreign", "eyJhbGciOiJ9.eyJzdWIi.AA=="),
		form("empty signature is no access token", "foreign", "eyJhbGciOiJ9.eyJzdWIi."),
		ours("id and secret as Meerschaum writes them", "id_secret", "kw", meerschaum(sampleID+":"+sampleSecret)),
		form("as Meerschaum writes them, made elsewhere", "foreign", meerschaum(sampleID+":"+sampleSecret[:36])),
		form("as Meerschaum writes them, second spelling", "foreign", strings.TrimRight(meerschaum(sampleID+":"+sampleSecret), "=")),
		form("as Meerschaum writes them, without a secret", "foreign", meerschaum(sampleID)),
		malformed("as Meerschaum writes them, broken in two", meerschaum(sampleID + ":" + sampleSecret)[:40]+"\n"+meerschaum(sampleID + ":" + sampleSecret)[40:]),
		form("foreign key", "foreign", "sk-live/+=~!$%&51H8"),
		form("foreign key, the shortest", "foreign", "12345678"),
		malformed("foreign key, too short", "1234567"),
		form("foreign key, the longest", "foreign", strings.Repeat("f", 1024)),
		malformed("foreign key, too long", strings.Repeat("f", 1025)),
		malformed("foreign key with a space", "open sesame"),
		malformed("foreign key with a tab", "open\tsesame"),
		malformed("foreign key with NUL", "opensesame\x00"),
		malformed("foreign key that is not ASCII", "öffne dich"),
		malformed("foreign key with DEL", "opensesame\x7f"),
	}
}

func other(c byte) string {
	if c == '0' {
		return "1"
	}
	return "0"
}

func idBytes() []byte {
	raw, err := hex.DecodeString(strings.ReplaceAll(sampleID, "-", ""))
	if err != nil {
		panic(err)
	}
	return raw
}

func meerschaum(pair string) string {
	return "mrsm-key:" + base64.StdEncoding.EncodeToString([]byte(pair))
}

type pairVector struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	OK     bool   `json:"ok"`
}

func (v pairVector) check(t testing.TB) {
	t.Helper()
	c, err := keywright.IDSecret(v.ID, v.Secret)
	switch {
	case !v.OK && (!errors.Is(err, keywright.ErrMalformedCredential) || c != (keywright.Credential{})):
		t.Errorf("%q and %q: %v, %v", v.ID, v.Secret, c, err)
	case v.OK && (err != nil || c.Form() != keywright.FormIDSecret || c.ID().String() != v.ID || c.Reveal() != v.Secret):
		t.Errorf("%q and %q: %v, %v", v.ID, v.Secret, c, err)
	}
}

func pairVectors() []pairVector {
	return []pairVector{
		{sampleID, sampleSecret, true},
		{strings.ToUpper(sampleID), sampleSecret, false},
		{strings.ReplaceAll(sampleID, "-", ""), sampleSecret, false},
		{"{" + sampleID + "}", sampleSecret, false},
		{" " + sampleID, sampleSecret, false},
		{"00000000-0000-0000-0000-000000000000", sampleSecret, false},
		{"", sampleSecret, false},
		{sampleID, "", false},
		{sampleID, sampleSecret[1:], false},
		{sampleID, sampleSecret + "0", false},
		{sampleID, "-" + sampleSecret[1:], false},
	}
}

func TestParseCredential(t *testing.T) {
	t.Parallel()
	for _, row := range keyVectors() {
		row.check(t)
	}
	for _, row := range pairVectors() {
		row.check(t)
	}
	if _, err := keywright.ParseCredential("kw", "eyJ"+strings.Repeat("a", 9000)+".eyJh.AA"); !errors.Is(err, keywright.ErrMalformedCredential) {
		t.Errorf("access token of 9000 characters: %v", err)
	}
}

// What is written is read back, and is the one spelling: format and math/big agree.
func TestAPIKeyRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var id keywright.ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Filter(func(b []byte) bool { return [16]byte(b) != [16]byte{} }).Draw(t, "id"))
		secret := rapid.StringOfN(rapid.RuneFrom([]rune(sampleSecret+"hijklmnopqrstuvwxyz")), 43, 43, -1).Draw(t, "secret")
		prefix := rapid.StringMatching(`[a-z]{2,15}[a-rt-z]`).Draw(t, "prefix") // of all lengths, for the checksum
		key := keywright.FormatAPIKey(prefix, id, secret)
		if want := sealed(prefix + "_" + idDigits(id) + secret); key != want {
			t.Fatalf("written %s, want %s", key, want)
		}
		c, err := keywright.ParseCredential(prefix, key)
		if err != nil || c.ID() != id || c.Reveal() != secret || c.Form() != keywright.FormAPIKey {
			t.Fatalf("%s: %v, %v", key, c, err)
		}
		i := rapid.IntRange(len(prefix)+1, len(key)-1).Draw(t, "position")
		if _, err := keywright.ParseCredential(prefix, key[:i]+other(key[i])+key[i+1:]); !errors.Is(err, keywright.ErrMalformedCredential) {
			t.Fatalf("%s with position %d changed: %v", key, i, err)
		}
	})
}

func TestAPIKeyPattern(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "acme"} {
		pattern := regexp.MustCompile(keywright.APIKeyPattern(prefix))
		highest := keywright.ID(bytes.Repeat([]byte{0xff}, 16))
		for _, id := range []keywright.ID{mustID(sampleID), highest} {
			key := keywright.FormatAPIKey(prefix, id, sampleSecret)
			text := `{"key":"` + key + `"} ` + key + "x " + key[:len(key)-1] + " " + keywright.FormatSession(prefix, id, sampleSecret)
			if found := pattern.FindAllString(text, -1); len(found) != 1 || found[0] != key {
				t.Errorf("%s finds %q", pattern, found)
			}
		}
	}
}

func TestGenerateSecret(t *testing.T) {
	t.Parallel()
	seen, counts := map[string]bool{}, map[rune]int{}
	for range 2000 {
		s, err := keywright.GenerateSecret(rand.Reader)
		if err != nil || len(s) != 43 || seen[s] {
			t.Fatalf("%q, %v", s, err)
		}
		seen[s] = true
		for _, c := range s {
			counts[c]++
		}
	}
	// 86,000 characters over 62: about 1387 each, standard deviation 37. Without the
	// rejection the first eight would be at 1680.
	for c, n := range counts {
		if n < 1100 || n > 1620 {
			t.Errorf("%q comes %d times", c, n)
		}
	}
	if len(counts) != 62 {
		t.Errorf("%d different characters", len(counts))
	}
}

func TestGenerateSecretNeedsRandomness(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if s, err := keywright.GenerateSecret(iotest.ErrReader(broken)); s != "" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", s, err)
	}
	if s, err := keywright.GenerateSecret(stuck{}); s != "" || err == nil {
		t.Errorf("from a stuck source: %q, %v", s, err)
	}
}

// stuck is a source of randomness that gives the same byte for ever.
type stuck struct{}

func (stuck) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xff
	}
	return len(p), nil
}

var _ io.Reader = stuck{}

// holder is how credentials lie around in a program: exported, unexported, behind pointers, in maps.
type holder struct {
	Credential keywright.Credential
	Secret     keywright.Secret
	Pointer    *keywright.Credential
	List       []keywright.Secret
	Map        map[string]keywright.Credential
	hidden     keywright.Credential
	inner      *holder
}

func secretHolders(t *testing.T) []any {
	t.Helper()
	apart, err := keywright.IDSecret(sampleID, sampleSecret)
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := keywright.ParseCredential("kw", sampleJWT)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := keywright.ParseCredential("kw", "sk-live-"+sampleSecret)
	if err != nil {
		t.Fatal(err)
	}
	secret := keywright.NewSecret(sampleSecret)
	var all []any
	for _, c := range []keywright.Credential{apart, jwt, foreign} {
		h := holder{c, secret, &c, []keywright.Secret{secret}, map[string]keywright.Credential{"k": c}, c, nil}
		outer := holder{inner: &h, hidden: c}
		all = append(all, c, &c, h, &h, outer, &outer, []any{c, secret})
	}
	issued := keywright.Issued{ClientSecret: secret, APIKey: keywright.NewSecret("kw_" + sampleSecret)}
	return append(all, secret, &secret, issued, &issued, fmt.Errorf("refused %v", apart))
}

// leaks reports whether text has a piece of a secret in it, in any of the spellings a verb could give it.
func leaks(text string) bool {
	for _, s := range []string{sampleSecret[10:22], sampleJWT[len(sampleJWT)-10:]} {
		bytes := fmt.Sprint([]byte(s))
		for _, spelling := range []string{s, hex.EncodeToString([]byte(s)), fmt.Sprintf("%X", s), bytes[1 : len(bytes)-1]} {
			if strings.Contains(text, spelling) {
				return true
			}
		}
	}
	return false
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	verbs := []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%X", "% x", "%q", "%#q", "%o", "%b", "%c", "%U", "%e", "%t", "%p", "%T", "%w", "%20v", "%!"}
	for _, value := range secretHolders(t) {
		for _, verb := range verbs {
			if text := fmt.Sprintf(verb, value); leaks(text) {
				t.Errorf("%s of a %T: %s", verb, value, text)
			}
		}
		if text := fmt.Sprintln(value) + fmt.Sprint(value); leaks(text) {
			t.Errorf("a %T: %s", value, text)
		}
	}
}

func TestNothingLogsOrMarshalsASecret(t *testing.T) {
	t.Parallel()
	for _, value := range secretHolders(t) {
		var log bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(h).With("with", value).Info("said", "value", value, slog.Group("group", "value", value))
		}
		if leaks(log.String()) {
			t.Errorf("a %T is logged as %s", value, &log)
		}
		if text, err := json.Marshal(value); err != nil || leaks(string(text)) {
			t.Errorf("a %T is written as %s, %v", value, text, err)
		}
		if text, _ := json.Marshal(map[string]any{"k": value}); leaks(string(text)) {
			t.Errorf("a %T in a map is written as %s", value, text)
		}
	}
}

// A log line says what was presented and by whom, without the secret.
func TestCredentialInALog(t *testing.T) {
	t.Parallel()
	apart, err := keywright.IDSecret(sampleID, sampleSecret)
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := keywright.ParseCredential("kw", sampleJWT)
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]keywright.Credential{
		"id_secret:" + sampleID + ":REDACTED": apart,
		"access_token:REDACTED":               jwt,
		"none":                                {},
	} {
		text, err := c.MarshalText()
		if got := fmt.Sprint(c); got != want || string(text) != want || err != nil || c.LogValue().String() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	var none keywright.Credential
	if none.Form() != 0 || !none.ID().IsZero() || none.Reveal() != "" || keywright.Form(99).String() != "none" {
		t.Error("the zero credential is something")
	}
	var empty keywright.Secret
	if text, _ := empty.MarshalText(); fmt.Sprint(empty) != "" || empty.Reveal() != "" || len(text) != 0 {
		t.Error("the zero secret is something")
	}
}

func FuzzParseCredential(f *testing.F) {
	for _, row := range keyVectors() {
		f.Add(row.Presented)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := keywright.ParseCredential("kw", s)
		if err != nil {
			if !errors.Is(err, keywright.ErrMalformedCredential) || c != (keywright.Credential{}) {
				t.Errorf("%q: %v, %v", s, c, err)
			}
			return
		}
		again := c.Reveal()
		switch c.Form() {
		case keywright.FormAPIKey:
			again = keywright.FormatAPIKey("kw", c.ID(), c.Reveal())
		case keywright.FormSession:
			again = keywright.FormatSession("kw", c.ID(), c.Reveal())
		case keywright.FormIDSecret:
			again = meerschaum(c.ID().String() + ":" + c.Reveal())
		case keywright.FormAccessToken, keywright.FormForeign:
			if !c.ID().IsZero() {
				t.Errorf("%q has an id before it is proved", s)
			}
		default:
			t.Errorf("%q is of form %s", s, c.Form())
		}
		if again != s {
			t.Errorf("%q is a second spelling of %q", s, again)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	id, err := keywright.NewID(time.Now(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	for name, s := range map[string]string{
		"api_key": keywright.FormatAPIKey("kw", id, sampleSecret), "access_token": "eyJh" + strings.Repeat("aZ0-", 20) + "." + strings.Repeat("eyJhbG_9", 50) + "." + strings.Repeat("c2lnbmF0", 10), "foreign": "sk-live-" + sampleSecret,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := keywright.ParseCredential("kw", s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
