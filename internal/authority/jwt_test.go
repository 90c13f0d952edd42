package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright"
)

// forge signs what it is told to, with the instance's own key unless told otherwise.
type forge struct {
	*instance
	private *ecdsa.PrivateKey
	kid     string
	good    payload // what a grant would have said
}

func newForge(t *testing.T) *forge {
	i := newInstance(t)
	token := i.grant(i.issue(keywright.NewToken{}).APIKey.Reveal(), GrantRequest{})
	key, err := i.activeKey(t.Context(), i.now())
	if err != nil {
		t.Fatal(err)
	}
	der, err := i.cfg.Keys.Open(key.Sealed, sealContext(key.KID))
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	f := &forge{instance: i, private: private.(*ecdsa.PrivateKey), kid: key.KID}
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &f.good); err != nil {
		t.Fatal(err)
	}
	return f
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func (f *forge) header() string {
	return fmt.Sprintf(`{"alg":"ES256","kid":"%s","typ":"at+jwt"}`, f.kid)
}

func (f *forge) claims(change func(*payload)) string {
	p := f.good
	p.Audience = append(p.Audience[:0:0], p.Audience...)
	change(&p)
	text, err := json.Marshal(p)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// sign writes a JWT with a signature by the instance's key over whatever stands before it.
func (f *forge) sign(header, claims string) string {
	return f.signWith(f.private, encode(header)+"."+encode(claims))
}

func (f *forge) signWith(key *ecdsa.PrivateKey, input string) string {
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		f.t.Fatal(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature[:])
}

// judged is "allowed" or why not; "malformed" if it is not even parsed.
func (f *forge) judged(token string) string {
	c, err := f.ParseCredential(token)
	if err != nil {
		return "malformed"
	}
	v, err := f.Verify(f.t.Context(), c, access("invoices:read"))
	if err != nil {
		f.t.Fatal(err)
	}
	return v.Decision.Reason.String()
}

func same(*payload) {}

// RFC 8725 section 3 and RFC 9068 section 4: what must not pass for an access token, signed by our own key.
func TestAccessTokenRefused(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	if got := f.judged(f.sign(f.header(), f.claims(same))); got != "allowed" {
		t.Fatalf("the forge's own good token: %s", got)
	}
	kid := f.kid
	headers := map[string]string{
		"alg none":            `{"alg":"none","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg None":            `{"alg":"None","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg HS256":           `{"alg":"HS256","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg ES384":           `{"alg":"ES384","kid":"` + kid + `","typ":"at+jwt"}`,
		"typ JWT":             `{"alg":"ES256","kid":"` + kid + `","typ":"JWT"}`,
		"typ in capitals":     `{"alg":"ES256","kid":"` + kid + `","typ":"AT+JWT"}`,
		"no typ":              `{"alg":"ES256","kid":"` + kid + `"}`,
		"no kid":              `{"alg":"ES256","typ":"at+jwt"}`,
		"foreign kid":         `{"alg":"ES256","kid":"` + strings.ToUpper(kid) + `","typ":"at+jwt"}`,
		"kid is a path":       `{"alg":"ES256","kid":"../` + kid + `","typ":"at+jwt"}`,
		"crit":                `{"alg":"ES256","crit":["x"],"kid":"` + kid + `","typ":"at+jwt","x":1}`,
		"crit b64":            `{"alg":"ES256","b64":true,"crit":["b64"],"kid":"` + kid + `","typ":"at+jwt"}`,
		"jku":                 `{"alg":"ES256","jku":"https://evil.test","kid":"` + kid + `","typ":"at+jwt"}`,
		"jwk":                 `{"alg":"ES256","jwk":{"kty":"EC"},"kid":"` + kid + `","typ":"at+jwt"}`,
		"x5u":                 `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","x5u":"https://evil.test"}`,
		"x5c":                 `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","x5c":["MA=="]}`,
		"member twice":        `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","typ":"at+jwt"}`,
		"alg twice":           `{"alg":"none","alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}`,
		"space":               `{"alg":"ES256", "kid":"` + kid + `","typ":"at+jwt"}`,
		"zip":                 `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","zip":"DEF"}`,
		"not JSON":            `{"alg":"ES256"`,
		"ours, and something": f.header() + " ",
	}
	for name, header := range headers {
		if got := f.judged(f.sign(header, f.claims(same))); got != "invalid" {
			t.Errorf("header %s: %s", name, got)
		}
	}
}

func TestAccessTokenClaimsRefused(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	good := f.claims(same)
	number := func(name string, value int64, text string) string {
		return strings.Replace(good, fmt.Sprintf(`"%s":%d`, name, value), fmt.Sprintf(`"%s":%s`, name, text), 1)
	}
	exp, iat := f.good.Expires, f.good.IssuedAt
	for name, claims := range map[string]string{
		"exp is a string":         number("exp", exp, fmt.Sprintf(`"%d"`, exp)),
		"exp is a fraction":       number("exp", exp, fmt.Sprintf("%d.5", exp)),
		"exp has an exponent":     number("exp", exp, "1e400"),
		"exp is negative":         number("exp", exp, "-1"),
		"exp is null":             number("exp", exp, "null"),
		"exp after the year 9999": number("exp", exp, "253402300800"),
		"exp beyond 64 bits":      number("exp", exp, "18446744073709551617"),
		"exp far away":            number("exp", exp, fmt.Sprint(iat+3601)),
		"exp before iat":          number("exp", exp, fmt.Sprint(iat-1)),
		"iat is a string":         number("iat", iat, fmt.Sprintf(`"%d"`, iat)),
		"iat is zero":             number("iat", iat, "0"),
		"no exp":                  strings.Replace(good, fmt.Sprintf(`"exp":%d,`, exp), "", 1),
		"exp twice":               number("exp", exp, fmt.Sprintf(`1,"exp":%d`, exp)),
		"sub twice":               strings.Replace(good, `"sub":`, `"sub":"x","sub":`, 1),
		"another case":            strings.Replace(good, `"exp":`, `"EXP":`, 1),
		"a claim we never write":  strings.Replace(good, `{`, `{"admin":true,`, 1),
		"nbf":                     strings.Replace(good, `{`, `{"nbf":"0",`, 1),
		"two documents":           good + good,
		"an array":                "[" + good + "]",
		"iss of another":          f.claims(func(p *payload) { p.Issuer += "/" }),
		"iss in capitals":         f.claims(func(p *payload) { p.Issuer = strings.ToUpper(p.Issuer) }),
		"no iss":                  f.claims(func(p *payload) { p.Issuer = "" }),
		"aud is a string":         strings.Replace(good, `"aud":["`+testIssuer+`"]`, `"aud":"`+testIssuer+`"`, 1),
		"no aud":                  f.claims(func(p *payload) { p.Audience = nil }),
		"sub is not client_id":    f.claims(func(p *payload) { p.ClientID = "admin" }),
		"sub is a name":           f.claims(func(p *payload) { p.ClientID, p.Subject = "admin", "admin" }),
		"sub is nobody": f.claims(func(p *payload) {
			p.Subject = "0196f000-0000-7000-8000-000000000000"
			p.ClientID = p.Subject
		}),
		"no jti":       f.claims(func(p *payload) { p.JTI = "" }),
		"no secret":    f.claims(func(p *payload) { p.Secret = 0 }),
		"broken scope": f.claims(func(p *payload) { p.Scope = "a::b" }),
	} {
		if claims == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got := f.judged(f.sign(f.header(), claims)); got != "invalid" {
			t.Errorf("claims with %s: %s", name, got)
		}
	}
	for name, claims := range map[string]string{
		"ended":            f.claims(func(p *payload) { p.IssuedAt -= 600; p.Expires -= 600 }),
		"no scopes":        f.claims(func(p *payload) { p.Scope = "" }),
		"another audience": f.claims(func(p *payload) { p.Audience = []string{"elsewhere"} }),
		"another secret":   f.claims(func(p *payload) { p.Secret = 7 }),
	} {
		if got := f.judged(f.sign(f.header(), claims)); got == "allowed" || got == "invalid" {
			t.Errorf("%s: %s, want a reason", name, got)
		}
	}
}

// Whose signature, over which bytes, in which spelling.
func TestAccessTokenSignature(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	good := f.sign(f.header(), f.claims(same))
	header, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&f.private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	hs256 := encode(`{"alg":"HS256","kid":"`+f.kid+`","typ":"at+jwt"}`) + "." + body
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	mac.Write([]byte(hs256))
	for name, token := range map[string]string{
		"by a stranger's key":              f.signWith(stranger, header+"."+body),
		"by HMAC with the public key":      hs256 + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"of zeros":                         header + "." + body + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"short":                            header + "." + body + "." + signature[:43],
		"of another body":                  header + "." + encode(f.claims(func(p *payload) { p.Scope = "**" })) + "." + signature,
		"with bits to spare":               good[:len(good)-1] + nextDigit(good[len(good)-1]),
		"padded":                           good + "==",
		"with a line feed":                 good[:len(good)-4] + "\n" + good[len(good)-4:],
		"with a line feed in the body":     header + "." + body[:4] + "\r\n" + body[4:] + "." + signature,
		"missing":                          header + "." + body + ".",
		"and one more segment":             good + ".AA",
		"in standard base64":               header + "." + body + "." + strings.Repeat("+/", 43),
		"as flattened JSON, after a blank": " " + good,
	} {
		if got := f.judged(token); got != "invalid" && got != "malformed" {
			t.Errorf("signature %s: %s", name, got)
		}
	}
}

// nextDigit is another spelling of a last base64url digit whose low bits do not count.
func nextDigit(c byte) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(digits[strings.IndexByte(digits, c)+1])
}

// What an access token says (RFC 9068 section 2.2), and that a stock verifier accepts it.
func TestAccessTokenClaims(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	made := i.issue(keywright.NewToken{Audience: []string{"https://api.test"}, Scopes: []string{"a:read", "b:read"}})
	g, err := i.Grant(t.Context(), i.caller(made.APIKey.Reveal()), GrantRequest{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := i.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(g.AccessToken.Reveal(), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.Verify(set)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	id := made.Token.ID.String()
	for name, want := range map[string]any{
		"iss": testIssuer, "sub": id, "client_id": id, "scope": "a:read b:read",
		"iat": float64(i.now().Unix()), "exp": float64(i.now().Unix() + 300),
		"kw_account": "default", "kw_space": "default", "kw_secret": 1.0,
	} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	if aud := fmt.Sprint(claims["aud"]); aud != "[https://api.test]" {
		t.Errorf("aud = %s", aud)
	}
	if typ := signed.Signatures[0].Header.ExtraHeaders["typ"]; typ != "at+jwt" {
		t.Errorf("typ = %v", typ)
	}
	if g.ExpiresIn != 5*time.Minute {
		t.Errorf("expires in %v", g.ExpiresIn)
	}
}
