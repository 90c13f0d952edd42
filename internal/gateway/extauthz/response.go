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
	values := gateway.Identify(r.Token)
	ok := &authv3.OkHttpResponse{Headers: make([]*corev3.HeaderValueOption, len(values)), HeadersToRemove: removed}
	if set.keep {
		ok.HeadersToRemove = spellings
	}
	told := map[string]*structpb.Value{"verdict": structpb.NewStringValue("allowed")}
	for i, name := range gateway.Identity {
		ok.Headers[i] = header(name, values[i])
		told[strings.ToLower(name[strings.LastIndexByte(name, '-')+1:])] = structpb.NewStringValue(values[i])
	}
	return &authv3.CheckResponse{
		Status:          &status.Status{Code: int32(codes.OK)},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: ok},
		DynamicMetadata: &structpb.Struct{Fields: told},
	}
}

// header replaces whatever a client sent under the name.
func header(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
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
