package sso_test

// A provider that lies, for what a real one does not do.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright/internal/sso/ssotest"
)

// liar is a provider at which everybody is ada, and which says what it is told to.
type liar struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu     sync.Mutex
	claims map[string]any              // over those of an honest ID token; nil takes one out
	info   map[string]any              // of the UserInfo endpoint
	sign   func(claims []byte) string  // nil: as an honest provider does
	answer func(q url.Values)          // changes what the browser is sent back with
	token  func(w http.ResponseWriter) // nil: as an honest provider does
	nonces map[string]string           // by code
	naming bool
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	l := &liar{key: key, nonces: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", l.discovery)
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/authorize", l.authorize)
	mux.HandleFunc("/token", l.exchange)
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		writeJSON(w, l.info)
	})
	l.Server = httptest.NewServer(mux)
	t.Cleanup(l.Close)
	return l
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// lies replaces all that was told before.
func (l *liar) lies(change func(*liar)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims, l.info, l.sign, l.answer, l.token = map[string]any{}, map[string]any{"sub": "s-ada"}, nil, nil, nil
	if change != nil {
		change(l)
	}
}

func (l *liar) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{
		"issuer": l.URL, "authorization_endpoint": l.URL + "/authorize", "token_endpoint": l.URL + "/token", "jwks_uri": l.URL + "/keys",
		"userinfo_endpoint": l.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": l.naming,
	})
}

func (l *liar) authorize(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked, code := r.URL.Query(), rand.Text()
	l.nonces[code] = asked.Get("nonce")
	back := url.Values{"code": {code}, "state": {asked.Get("state")}}
	if l.naming {
		back.Set("iss", l.URL)
	}
	if l.answer != nil {
		l.answer(back)
	}
	http.Redirect(w, r, asked.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

func (l *liar) exchange(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	nonce, known := l.nonces[r.FormValue("code")]
	delete(l.nonces, r.FormValue("code"))
	switch {
	case l.token != nil:
		l.token(w)
		return
	case !known:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	now := time.Now()
	claims := map[string]any{
		"iss": l.URL, "sub": "s-ada", "aud": ssotest.ClientID, "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"email": "ada@corp.example", "email_verified": true, "preferred_username": "ada", "groups": []string{"devs"},
	}
	for name, value := range l.claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	text, _ := json.Marshal(claims)
	sign := l.sign
	if sign == nil {
		sign = func(claims []byte) string { return signed(jose.ES256, l.key, "k", claims) }
	}
	writeJSON(w, map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": sign(text)})
}

func signed(alg jose.SignatureAlgorithm, key any, kid string, claims []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
	if err != nil {
		panic(err)
	}
	object, err := signer.Sign(claims)
	if err != nil {
		panic(err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}

// The forgeries of somebody who has no key of the provider.

func unsigned(claims []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","kid":"k"}`)) + "." + encode(claims) + "."
}

func withClientSecret(claims []byte) string {
	return signed(jose.HS256, []byte(ssotest.ClientSecret), "k", claims)
}

func (l *liar) withPublicKey(claims []byte) string {
	public, err := x509.MarshalPKIXPublicKey(l.key.Public())
	if err != nil {
		panic(err)
	}
	return signed(jose.HS256, public, "k", claims)
}

func withOtherKey(claims []byte) string {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return signed(jose.ES256, other, "k", claims)
}

func (l *liar) altered(claims []byte) string {
	parts := strings.Split(signed(jose.ES256, l.key, "k", claims), ".")
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), "devs", "platform", 1)))
	return strings.Join(parts, ".")
}
