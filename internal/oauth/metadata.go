package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// metadata is what RFC 8414 section 2 publishes, as far as there is something
// behind it. response_types_supported is left out: there is no authorization endpoint.
type metadata struct {
	Issuer                string   `json:"issuer"`
	TokenEndpoint         string   `json:"token_endpoint"`
	TokenMethods          []string `json:"token_endpoint_auth_methods_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	Scopes                []string `json:"scopes_supported"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	IntrospectionMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	RevocationMethods     []string `json:"revocation_endpoint_auth_methods_supported"`
	JWKSURI               string   `json:"jwks_uri"`
}

// managementScopes are the scopes that every instance knows: those of Keywright's own API.
func managementScopes() []string {
	var scopes []string
	for _, area := range []struct {
		name  string
		verbs []string
	}{
		{"tokens", []string{"read", "write", "verify", "reveal"}},
		{"spaces", []string{"read", "write"}},
		{"members", []string{"read", "write"}},
		{"policy", []string{"read", "write"}},
		{"audit", []string{"read"}},
		{"users", []string{"read", "write"}},
		{"accounts", []string{"read", "write"}},
	} {
		for _, verb := range area.verbs {
			scopes = append(scopes, "keywright:"+area.name+":"+verb)
		}
	}
	return scopes
}

// describe is the metadata of an issuer.
func describe(issuer string) metadata {
	base := strings.TrimRight(issuer, "/")
	client := []string{"client_secret_basic", "client_secret_post"}
	return metadata{
		Issuer:                issuer,
		TokenEndpoint:         base + tokenPath,
		TokenMethods:          client,
		GrantTypes:            []string{grantClientCredentials, grantTokenExchange},
		Scopes:                managementScopes(),
		IntrospectionEndpoint: base + introspectPath,
		IntrospectionMethods:  append(client[:2:2], "Bearer"),
		RevocationEndpoint:    base + revokePath,
		RevocationMethods:     client,
		JWKSURI:               base + jwksPath,
	}
}

// metadata answers GET /.well-known/oauth-authorization-server (RFC 8414 section 3).
func (s *Server) metadata() http.Handler {
	document, err := json.Marshal(describe(s.Issuer))
	return s.published(func(context.Context) ([]byte, error) { return document, err })
}

// jwks answers GET /.well-known/jwks.json (RFC 7517 section 5).
func (s *Server) jwks(ctx context.Context) ([]byte, error) {
	set, err := s.Authority.JWKS(ctx)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("oauth: encode the key set: %w", err)
	}
	return document, nil
}

// published serves a document that anybody may read and keep for ten minutes:
// no longer than a new signing key is published before it signs.
func (s *Server) published(read func(context.Context) ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		neverStored(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			s.refuse(w, r, methodNone, notAllowed("GET, HEAD"))
			return
		}
		document, err := read(r.Context())
		if err != nil {
			s.refuse(w, r, methodNone, err)
			return
		}
		w.Header().Del("Pragma")
		w.Header().Set("Cache-Control", "public, max-age=600")
		writeJSON(w, http.StatusOK, document)
	})
}
