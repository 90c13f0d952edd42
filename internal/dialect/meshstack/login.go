package meshstack

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/dialect"
)

// loggedIn is the answer to a login, in the form of Keycloak's.
type loggedIn struct {
	AccessToken      string `json:"access_token"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
	TokenType        string `json:"token_type"`
	NotBeforePolicy  int64  `json:"not-before-policy"`
	Scope            string `json:"scope"`
}

// login answers POST /api/login with an access token for a key's id and secret. It is never a redirect.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	granted, err := s.grant(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	write(w, "application/json", reply{http.StatusOK, loggedIn{
		AccessToken: granted.AccessToken.Reveal(),
		ExpiresIn:   int64(granted.ExpiresIn.Seconds()),
		TokenType:   "Bearer",
		Scope:       strings.Join(granted.Scopes.Strings(), " "),
	}})
}

func (s *server) grant(r *http.Request) (authority.AccessGrant, error) {
	id, secret, err := readLogin(r)
	if err != nil {
		return authority.AccessGrant{}, err
	}
	credential, err := s.pair(id, secret)
	if err != nil {
		return authority.AccessGrant{}, err
	}
	return s.Authority.Grant(r.Context(), s.Caller(r, credential), authority.GrantRequest{Lenient: true})
}

// pair is a key's id and secret: of ours, or of a key that meshStack made and that was imported as "id:secret".
func (s *server) pair(id, secret string) (keywright.Credential, error) {
	if credential, err := keywright.IDSecret(id, secret); err == nil {
		return credential, nil
	}
	if _, err := keywright.ParseID(id); err != nil {
		return keywright.Credential{}, keywright.ErrMalformedCredential
	}
	return s.Authority.ParseCredential(id + ":" + secret)
}

// readLogin reads id and secret from JSON or from a form, in each of which they have names of their own.
func readLogin(r *http.Request) (id, secret string, err error) {
	body, err := dialect.Body(r, bodyLimit)
	if err != nil {
		return "", "", err
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		return loginObject(body)
	case "application/x-www-form-urlencoded":
		return loginForm(body)
	}
	return "", "", fail(http.StatusUnsupportedMediaType, "Content-Type must be application/json or application/x-www-form-urlencoded")
}

func loginObject(body []byte) (id, secret string, err error) {
	object, err := dialect.Object(body)
	if err != nil {
		return "", "", bad("The body is %s", err)
	}
	if id, err = needed(object, "", "clientId"); err != nil {
		return "", "", err
	}
	secret, err = needed(object, "", "clientSecret")
	return id, secret, err
}

// needed is the text of a member that has to be there; path is where the object stands.
func needed(object map[string]jsontext.Value, path, name string) (string, error) {
	value, ok := object[name]
	if !ok {
		return "", bad("%s is missing", path+name)
	}
	text, ok := dialect.Text(value)
	if !ok || text == "" {
		return "", bad("%s must be a string that is not empty", path+name)
	}
	return text, nil
}

func loginForm(body []byte) (id, secret string, err error) {
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return "", "", bad("The form is not URL-encoded")
	}
	for _, name := range []string{"client_id", "client_secret", "grant_type"} {
		if len(fields[name]) != 1 || fields[name][0] == "" {
			return "", "", bad("%s must be there once", name)
		}
	}
	if fields.Get("grant_type") != "client_credentials" {
		return "", "", bad("grant_type must be client_credentials")
	}
	return fields.Get("client_id"), fields.Get("client_secret"), nil
}
