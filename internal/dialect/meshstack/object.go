package meshstack

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/dialect"
)

// apiKey is a meshApiKey object.
type apiKey struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       spec     `json:"spec"`
	Status     status   `json:"status"`
}

type metadata struct {
	UUID             string `json:"uuid"`
	OwnedByWorkspace string `json:"ownedByWorkspace"`
}

type spec struct {
	DisplayName string   `json:"displayName"`
	ExpiresAt   string   `json:"expiresAt,omitempty"` // the last day on which it works
	Permissions []string `json:"permissions"`
}

type status struct {
	ClientID     string     `json:"clientId"`
	ClientSecret string     `json:"clientSecret,omitempty"` // in the answer that makes it only
	ExpiresAt    *time.Time `json:"expiresAt,omitempty"`
}

const (
	apiVersion = "v1-preview"
	kind       = "meshApiKey"
)

// newAPIKey shows a token. Whatever it is for, the permissions are its scopes.
func newAPIKey(t keywright.Token, secret keywright.Secret) apiKey {
	id := t.ID.String()
	return apiKey{
		APIVersion: apiVersion,
		Kind:       kind,
		Metadata:   metadata{id, t.Space},
		Spec:       spec{t.Label, lastDay(t.ExpiresAt), t.Scopes.Strings()},
		Status:     status{id, secret.Reveal(), t.ExpiresAt},
	}
}

// lastDay is the date of the last instant at which a token works; empty if it never ends.
func lastDay(end *time.Time) string {
	if end == nil {
		return ""
	}
	return end.Add(-time.Microsecond).UTC().Format(time.DateOnly)
}

// asked is what a request says of a key. Members that no key has are let be, as the vendor's server lets them.
type asked struct {
	uuid, workspace string // empty: not said
	name            string
	lastDay         string // empty: for ever
	permissions     []string
}

// readKey reads the body of a request about one key.
func readKey(r *http.Request) (asked, error) {
	body, err := dialect.Body(r, bodyLimit)
	if err != nil {
		return asked{}, err
	}
	object, err := dialect.Object(body)
	if err != nil {
		return asked{}, bad("The body is %s", err)
	}
	for name, want := range map[string]string{"apiVersion": apiVersion, "kind": kind} {
		if value, ok := object[name]; ok {
			if text, _ := dialect.Text(value); text != want {
				return asked{}, bad("%s must be %s", name, want)
			}
		}
	}
	var k asked
	if err := k.readMetadata(object["metadata"]); err != nil {
		return k, err
	}
	return k, k.readSpec(object["spec"])
}

func (k *asked) readMetadata(value jsontext.Value) error {
	if value == nil {
		return nil
	}
	object, err := dialect.Object(value)
	if err != nil {
		return bad("metadata must be an object")
	}
	if _, ok := object["uuid"]; ok {
		if k.uuid, err = needed(object, "metadata.", "uuid"); err != nil {
			return err
		}
	}
	if _, ok := object["ownedByWorkspace"]; ok {
		k.workspace, err = needed(object, "metadata.", "ownedByWorkspace")
	}
	return err
}

func (k *asked) readSpec(value jsontext.Value) error {
	if value == nil {
		return bad("spec is missing")
	}
	object, err := dialect.Object(value)
	if err != nil {
		return bad("spec must be an object")
	}
	if k.name, err = needed(object, "spec.", "displayName"); err != nil {
		return err
	}
	if end, ok := object["expiresAt"]; ok && end.Kind() != 'n' {
		if k.lastDay, err = needed(object, "spec.", "expiresAt"); err != nil {
			return err
		}
		if _, err := time.Parse(time.DateOnly, k.lastDay); err != nil {
			return bad("spec.expiresAt must be a date, such as 2030-01-31")
		}
	}
	if err := json.Unmarshal(object["permissions"], &k.permissions); err != nil || k.permissions == nil {
		return bad("spec.permissions must be a list of strings")
	}
	return nil
}
