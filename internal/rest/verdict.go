package rest

import (
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

// appendVerdict writes a verdict as keywright.Verification is written, by hand.
func appendVerdict(dst []byte, v *authority.Verdict) []byte {
	if !v.Allowed() {
		dst = append(dst, `{"valid":false,"reason":"`...)
		dst = append(dst, v.Decision.Reason.String()...)
		dst = append(dst, '"')
		if missing := v.Decision.Missing.String(); missing != "" {
			dst = appendText(append(dst, `,"missing":`...), missing)
		}
		return append(dst, '}')
	}
	dst = append(dst, `{"valid":true,"reason":"allowed"`...)
	if token, ok := v.Token(); ok {
		dst = appendToken(append(dst, `,"token":`...), &token)
	}
	return append(dst, '}')
}

func appendToken(dst []byte, t *keywright.VerifiedToken) []byte {
	dst = appendID(append(dst, `{"id":"`...), t.ID)
	dst = appendText(append(dst, `","label":`...), t.Label)
	dst = appendText(append(dst, `,"kind":`...), t.Kind.String())
	dst = appendText(append(dst, `,"account":`...), t.Account)
	dst = appendText(append(dst, `,"space":`...), t.Space)
	dst = appendText(append(dst, `,"owner":`...), t.Owner)
	dst = append(dst, `,"scopes":[`...)
	for i, scope := range t.Scopes {
		dst = appendText(comma(dst, i), scope.String())
	}
	dst = append(dst, `],"audience":[`...)
	for i, audience := range t.Audience {
		dst = appendText(comma(dst, i), audience)
	}
	dst = append(dst, `],"expires_at":`...)
	if t.ExpiresAt == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(t.ExpiresAt.AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
	}
	return append(appendMetadata(append(dst, `,"metadata":{`...), t.Metadata), "}}"...)
}

// appendID writes what ID.String returns, without making a string.
func appendID(dst []byte, id keywright.ID) []byte {
	dst = append(hex.AppendEncode(dst, id[:4]), '-')
	dst = append(hex.AppendEncode(dst, id[4:6]), '-')
	dst = append(hex.AppendEncode(dst, id[6:8]), '-')
	dst = append(hex.AppendEncode(dst, id[8:10]), '-')
	return hex.AppendEncode(dst, id[10:])
}

func appendMetadata(dst []byte, metadata map[string]string) []byte {
	if len(metadata) == 0 {
		return dst
	}
	for i, name := range slices.Sorted(maps.Keys(metadata)) {
		dst = append(appendText(comma(dst, i), name), ':')
		dst = appendText(dst, metadata[name])
	}
	return dst
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return dst
}

// appendText writes a JSON string.
func appendText(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			dst, _ = jsontext.AppendQuote(dst, text) // its error says that it replaced what is not UTF-8
			return dst
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}
