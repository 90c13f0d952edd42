package extauthz

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/presented"
)

// The context extensions that Envoy's configuration sets for a virtual host or a route.
const (
	extensionNeed       = "keywright"            // what a request needs, as the path of /check has it
	extensionCredential = "keywright-credential" // keep: the API is sent the credential too; else it is removed
)

// settings are what Envoy's configuration says of requests of this kind, and nothing that a client sent.
type settings struct {
	need string
	keep bool
	err  error // what is wrong with them
}

func readSettings(extensions map[string]string) (set settings) {
	for name, value := range extensions {
		switch {
		case name == extensionNeed:
			set.need = value
		case name == extensionCredential && (value == "keep" || value == "remove"):
			set.keep = value == "keep"
		case strings.HasPrefix(name, extensionNeed):
			set.err = keywright.Invalid("context_extensions", "%s: %q is not known here", name, value)
		}
	}
	if set.need == "" && set.err == nil {
		set.err = keywright.Invalid("context_extensions", "%s is missing: it says what a request needs", extensionNeed)
	}
	return set
}

// question is what Envoy asks.
func (s *Server) question(ctx context.Context, r *authv3.CheckRequest) (gateway.Asked, settings) {
	attributes := r.GetAttributes()
	held := attributes.GetRequest().GetHttp()
	said, _ := netip.ParseAddr(attributes.GetSource().GetAddress().GetSocketAddress().GetAddress()) // zero if it is none
	asked := gateway.Asked{
		Method:  held.GetMethod(),
		URI:     held.GetPath(),
		Header:  headers(held),
		Address: gateway.Origin(proxyAddress(ctx), said, s.Trusted),
	}
	if s.RequestID != nil {
		asked.RequestID = s.RequestID()
	}
	return asked, readSettings(attributes.GetContextExtensions())
}

// needed is under which name a header of a request is looked at; empty: it is not.
func needed(sent string) string {
	switch sent {
	case "authorization":
		return "Authorization"
	case "standalonetoken":
		return gateway.StandAlone
	case "user-agent":
		return "User-Agent"
	}
	return ""
}

// headers are those that are needed. Envoy sends each value by itself (encode_raw_headers), or all of a name with commas between; of
// such nothing is picked, since together they are no credential.
func headers(held *authv3.AttributeContext_HttpRequest) http.Header {
	h := make(http.Header, 3)
	if raw := held.GetHeaderMap().GetHeaders(); raw != nil {
		for _, one := range raw {
			if name := needed(strings.ToLower(one.GetKey())); name != "" {
				value := one.GetValue()
				if bytes := one.GetRawValue(); len(bytes) > 0 {
					value = string(bytes)
				}
				h[name] = append(h[name], value)
			}
		}
	} else {
		all := held.GetHeaders()
		for _, sent := range [...]string{"authorization", "standalonetoken", "user-agent"} {
			if value, ok := all[sent]; ok {
				h[needed(sent)] = []string{value}
			}
		}
	}
	if agent := h["User-Agent"]; len(agent) > 0 {
		agent[0] = presented.UserAgent(agent[0])
	}
	return h
}
