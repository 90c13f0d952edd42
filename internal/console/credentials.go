package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/keywright/keywright"
)

// shownOnce are credentials on the one page that has them.
type shownOnce struct {
	title  string
	token  keywright.Token
	secret keywright.Secret // empty: only the key is shown, of a recoverable token
	key    keywright.Secret
	base   string
}

// credentials answers with the credentials that a change has made. The answer is one to a POST, and not stored; the script puts the
// token's page in its place in the history, so that neither going back nor reloading shows them again.
func (s *site) credentials(v *visit, issued keywright.Issued, title string) answer {
	return show(title, credentialsPage(v, shownOnce{
		title: title, token: issued.Token, secret: issued.ClientSecret, key: issued.APIKey, base: strings.TrimSuffix(s.BaseURL, "/"),
	}))
}

// scope is one that the token has, to be asked for in an example.
func (c shownOnce) scope() string {
	for _, scope := range c.token.Scopes {
		if text := scope.String(); !strings.Contains(text, "*") {
			return text
		}
	}
	return ""
}

// curl is a line that verifies the key; one of the kind manager is good for nothing but our own API.
func (c shownOnce) curl() string {
	if c.token.Kind == keywright.KindManager {
		return fmt.Sprintf("curl -H 'Authorization: Bearer %s' \\\n  %s/api/v1/whoami", c.key.Reveal(), c.base)
	}
	return fmt.Sprintf("curl --json '%s' \\\n  -H 'Authorization: Bearer %s' \\\n  %s/api/v1/verify", c.question(), c.key.Reveal(), c.base)
}

// question is the body of a verification that the token passes.
func (c shownOnce) question() string {
	var asked struct {
		Scopes   []string `json:"scopes,omitempty"`
		Audience string   `json:"audience,omitempty"`
	}
	if scope := c.scope(); scope != "" {
		asked.Scopes = []string{scope}
	}
	if len(c.token.Audience) > 0 {
		asked.Audience = c.token.Audience[0]
	}
	text, _ := json.Marshal(asked) // of texts there is no error
	return strings.ReplaceAll(string(text), "'", `'\''`)
}

// golang is how an API in Go asks, or how a program manages tokens.
func (c shownOnce) golang() string {
	if c.token.Kind == keywright.KindManager {
		return fmt.Sprintf(`keys := keywright.NewClient(%q, os.Getenv("KEYWRIGHT_TOKEN"))
tokens, err := keys.Tokens(ctx, keywright.TokenQuery{})`, c.base)
	}
	return fmt.Sprintf(`keys := keywright.NewClient(%q, os.Getenv("KEYWRIGHT_TOKEN"))
answer, err := keys.Verify(ctx, keywright.VerifyRequest{
	Token:  presented, // what the caller has sent
	Scopes: []string{%q},
})`, c.base, cmp.Or(c.scope(), "invoices:read"))
}

// inGo is the title of golang.
func (c shownOnce) inGo() string {
	if c.token.Kind == keywright.KindManager {
		return "In Go"
	}
	return "In an API of yours, in Go"
}

// env is the file that is downloaded.
func (c shownOnce) env() string {
	lines := []string{"KEYWRIGHT_URL=" + c.base, "KEYWRIGHT_CLIENT_ID=" + c.token.ID.String()}
	if c.secret.Reveal() != "" {
		lines = append(lines, "KEYWRIGHT_CLIENT_SECRET="+c.secret.Reveal())
	}
	return strings.Join(append(lines, "KEYWRIGHT_TOKEN="+c.key.Reveal(), ""), "\n")
}

// firstUse says whether a token was used, for the page that waits for it.
func (s *site) firstUse(ctx context.Context, v *visit) (answer, error) {
	t, err := s.tokenOf(ctx, v)
	if err != nil {
		return answer{}, err
	}
	return show(t.Label, firstUsePage(v, t)), nil
}
