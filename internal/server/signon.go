package server

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/sso"
)

// read checks the settings of single sign-on, and makes of them what its door and the authority need; nothing, if there
// is none.
func (c SSO) read(baseURL string, now func() time.Time) (*sso.Provider, authority.SingleSignOn, error) {
	if c.Issuer == "" {
		return nil, authority.SingleSignOn{}, c.unused()
	}
	rules := authority.SingleSignOn{Issuer: c.Issuer, KnownOnly: c.KnownOnly, NoPasswords: c.NoPasswords}
	for _, entry := range c.Roles {
		given, err := authority.ParseGroupRole(entry)
		if err != nil {
			return nil, rules, fmt.Errorf("single sign-on: the role %w", err)
		}
		rules.Roles = append(rules.Roles, given)
	}
	if err := sso.CheckBaseURL(baseURL); err != nil {
		return nil, rules, err
	}
	secret, err := c.secret()
	if err != nil {
		return nil, rules, err
	}
	provider, err := sso.NewProvider(sso.Settings{
		Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: secret, Scopes: c.Scopes, GroupsClaim: c.GroupsClaim,
	}, baseURL, now)
	return provider, rules, err
}

// unused refuses settings without a provider that they could be for.
func (c SSO) unused() error {
	if c.ClientID != "" || c.ClientSecret.Reveal() != "" || c.ClientSecretFile != "" || len(c.Roles) > 0 || c.NoPasswords {
		return errors.New("single sign-on: the issuer is missing")
	}
	return nil
}

func (c SSO) secret() (keywright.Secret, error) {
	if c.ClientSecretFile == "" {
		return c.ClientSecret, nil
	}
	if c.ClientSecret.Reveal() != "" {
		return keywright.Secret{}, errors.New("single sign-on: the client's secret is given twice: by a file and in the environment")
	}
	text, err := os.ReadFile(c.ClientSecretFile)
	if err != nil {
		return keywright.Secret{}, fmt.Errorf("single sign-on: the client's secret: %w", err)
	}
	return keywright.NewSecret(strings.TrimSpace(string(text))), nil
}
