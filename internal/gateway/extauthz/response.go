package extauthz

import (
	"net/http"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/keywright/keywright/internal/gateway"
)

// removed are the headers that no API behind Envoy sees: other spellings of ours, and the credential unless it is kept. Ours
// themselves are not among them: Envoy removes after it has set.
var (
	spellings = lower(gateway.OtherSpellings())
	removed   = append(spellings[:len(spellings):len(spellings)], "authorization", "standalonetoken")
)

func lower(names []string) []string {
	for i, name := range names {
		names[i] = strings.ToLower(name)
	}
	return names
}

// response is a ruling as Envoy understands it.
func response(r *gateway.Ruling, set settings) *authv3.CheckResponse {
	if !r.Passes() {
		return denied(r)
	}
	return allowed(r, set)
}

// parts are the messages that an answer is made of, in one piece.
type parts struct {
	answer  authv3.CheckResponse
	status  status.Status
	is      authv3.CheckResponse_OkResponse
	ok      authv3.OkHttpResponse
	headers [len(gateway.Identity)]corev3.HeaderValueOption
	values  [len(gateway.Identity)]corev3.HeaderValue
	list    [len(gateway.Identity)]*corev3.HeaderValueOption
	told    structpb.Struct
	members [len(gateway.Identity)]structpb.Value
	texts   [len(gateway.Identity)]structpb.Value_StringValue
}

// members are the names of the identity headers in the metadata.
var members = func() (names [len(gateway.Identity)]string) {
	for i, name := range gateway.Identity {
		names[i] = strings.ToLower(name[strings.LastIndexByte(name, '-')+1:])
	}
	return names
}()

func allowed(r *gateway.Ruling, set settings) *authv3.CheckResponse {
	p := new(parts)
	p.told.Fields = make(map[string]*structpb.Value, len(members)+1)
	p.told.Fields["verdict"] = structpb.NewStringValue("allowed")
	for i, value := range gateway.Identify(r.Token) {
		p.values[i].Key, p.values[i].Value = gateway.Identity[i], value
		p.headers[i].Header, p.headers[i].AppendAction = &p.values[i], overwrite
		p.list[i] = &p.headers[i]
		p.texts[i].StringValue = value
		p.members[i].Kind = &p.texts[i]
		p.told.Fields[members[i]] = &p.members[i]
	}
	p.ok.Headers, p.ok.HeadersToRemove = p.list[:], removed
	if set.keep {
		p.ok.HeadersToRemove = spellings
	}
	p.is.OkResponse = &p.ok
	p.answer.Status, p.answer.HttpResponse, p.answer.DynamicMetadata = &p.status, &p.is, &p.told
	return &p.answer
}

// overwrite replaces whatever a client sent under a name.
const overwrite = corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD

func header(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}, AppendAction: overwrite}
}

func denied(r *gateway.Ruling) *authv3.CheckResponse {
	no := &authv3.DeniedHttpResponse{
		Status:  &typev3.HttpStatus{Code: typev3.StatusCode(r.Status)},
		Headers: []*corev3.HeaderValueOption{header("Content-Type", gateway.ProblemType)},
		Body:    string(r.Problem()),
	}
	if r.Challenge != "" {
		no.Headers = append(no.Headers, header("WWW-Authenticate", r.Challenge))
	}
	if r.RetryAfter > 0 {
		no.Headers = append(no.Headers, header("Retry-After", strconv.Itoa(r.RetryAfter)))
	}
	return &authv3.CheckResponse{
		Status:       &status.Status{Code: int32(code(r.Status)), Message: r.Detail},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: no},
		DynamicMetadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			"verdict": structpb.NewStringValue("denied"),
			"status":  structpb.NewNumberValue(float64(r.Status)),
			"detail":  structpb.NewStringValue(r.Detail),
		}},
	}
}

// code is what gRPC calls a status.
func code(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.PermissionDenied
}
