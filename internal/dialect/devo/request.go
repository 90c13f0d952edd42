package devo

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/dialect"
)

// timeLayout is how times are written.
const timeLayout = "2006-01-02T15:04:05.000-0700"

// members reads a body, which holds none but the members named, each a string. A member that is null is left out. A body
// may be declared to be of any type, and begin with empty lines.
func members(r *http.Request, known ...string) (map[string]string, error) {
	data, err := dialect.Body(r, bodyLimit)
	if err != nil {
		return nil, err
	}
	return readMembers(data, known)
}

func readMembers(data []byte, known []string) (map[string]string, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errNoBody
	}
	object, err := dialect.Object(data)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(known, name) {
			return nil, unreadable(fmt.Sprintf("Unrecognized field %q", name))
		}
		if object[name].Kind() == 'n' {
			continue
		}
		text, ok := dialect.Text(object[name])
		if !ok {
			return nil, unreadable(fmt.Sprintf("field %q must be a string", name))
		}
		texts[name] = text
	}
	return texts, nil
}

// newToken reads the body of a create.
func newToken(account string, body map[string]string) (keywright.NewToken, error) {
	for _, name := range []string{"name", "user", "audience", "scopes"} {
		if strings.TrimSpace(body[name]) == "" {
			return keywright.NewToken{}, required(name)
		}
	}
	if address, err := mail.ParseAddress(body["user"]); err != nil || address.Address != body["user"] {
		return keywright.NewToken{}, fail(http.StatusBadRequest, "Invalid required value: user: must be the e-mail address of a user of the domain")
	}
	req := keywright.NewToken{
		Account:  account,
		Label:    body["name"],
		Owner:    body["user"],
		Audience: strings.Fields(body["audience"]),
		Scopes:   strings.Fields(body["scopes"]),
	}
	if err := checkAudience(req.Audience); err != nil {
		return req, err
	}
	if err := checkScopes(req.Scopes); err != nil {
		return req, err
	}
	req.ExpiresAt = instant(body["expiration"])
	return req, nil
}

// audiences are Devo's APIs: aggregation tasks, queries, queries and jobs, alerts, ingestion.
var audiences = []string{"aggregations", "apiv2", "apiv2-admin", "alerts", "http"}

func checkAudience(asked []string) error {
	for _, name := range asked {
		if !slices.Contains(audiences, name) {
			return fail(http.StatusBadRequest, fmt.Sprintf("Request has invalid audiences required: %q", name))
		}
	}
	return nil
}

// checkScopes demands a table. A request that names none means every table there; here nothing is given unless it is written out.
func checkScopes(asked []string) error {
	tables := false
	for _, scope := range asked {
		switch scheme, _, ok := strings.Cut(scope, "://"); {
		case ok && scheme == "table":
			tables = true
		case !ok || scheme != "level":
			return fail(http.StatusBadRequest, fmt.Sprintf("Request has invalid scopes required: %q: want table://TAGS or level://LEVEL", scope))
		}
	}
	if !tables {
		return fail(http.StatusBadRequest, "Request has invalid scopes required: name a table, such as table://my.app.**; all tables are table://**")
	}
	return nil
}

// instant is a time as the authority reads it. What is not of the form in which this dialect writes times is left as it is.
func instant(text string) string {
	if at, err := time.Parse(timeLayout, text); err == nil {
		return at.UTC().Format(time.RFC3339Nano)
	}
	return text
}

// newName reads what a token is to be called: from the body or, without one, from the query.
func newName(r *http.Request) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", fail(http.StatusBadRequest, "The query cannot be read")
	}
	body, err := members(r, "name")
	inQuery := query["name"]
	switch {
	case err == errNoBody && len(inQuery) == 1:
		body = map[string]string{"name": inQuery[0]}
	case err == errNoBody && len(inQuery) == 0:
		return "", errNoBody
	case err != nil && err != errNoBody:
		return "", err
	case len(inQuery) > 0:
		return "", fail(http.StatusBadRequest, "The name is given more than once")
	}
	if strings.TrimSpace(body["name"]) == "" {
		return "", required("name")
	}
	return body["name"], nil
}

// number reads a token's id. What is none is 0, which no token has.
func number(r *http.Request) int64 {
	text := r.PathValue("token")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		return 0
	}
	return n
}
