package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/authority"
)

const (
	gatewaysPath = accountPath + "/gateways"
	gatewayPath  = gatewaysPath + "/{gateway}"
)

// inGateway is a request about a gateway of an account.
type inGateway[Body any] struct {
	Account, Gateway string
	Body             Body
}

func whichGateway[Body any]() []parameter[inGateway[Body]] {
	return []parameter[inGateway[Body]]{
		pathName("account", "The account's name", func(in *inGateway[Body]) *string { return &in.Account }),
		pathName("gateway", "The name that proxies ask by", func(in *inGateway[Body]) *string { return &in.Gateway }),
	}
}

func (s *spoke) routeGateways() {
	type list = inAccount[struct{}]
	serve(s, operation[list]{
		id: "listGateways", method: http.MethodGet, path: gatewaysPath, tag: "gateways",
		summary: "List gateways", detail: "In the order of their names, without their rules. Those that a server was started with are not among them.",
		params: append(page[struct{}](), account[struct{}]()),
	}, func(ctx context.Context, caller authority.Caller, in *list) (keywright.Page[keywright.GatewaySummary], error) {
		return s.Authority.Gateways(ctx, caller, in.Account, in.List)
	})
	type plain = inGateway[struct{}]
	serve(s, operation[plain]{
		id: "getGateway", method: http.MethodGet, path: gatewayPath, tag: "gateways",
		summary: "Get a gateway", detail: "With the rules by which proxies ask under its name.", params: whichGateway[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (keywright.Gateway, error) {
		return s.Authority.Gateway(ctx, caller, in.Account, in.Gateway)
	})
	type put = inGateway[keywright.NewGateway]
	serve(s, operation[put]{
		id: "setGateway", method: http.MethodPut, path: gatewayPath, tag: "gateways", conflicts: true,
		summary: "Make a gateway, or replace its rules",
		detail: "Only if its rules are of the version that the request names; 0 if there must be none. No proxy is answered by the rules that " +
			"were, by any server, once this has answered.",
		params: whichGateway[keywright.NewGateway](), body: func(in *put) any { return &in.Body }, limit: catalogueLimit,
	}, func(ctx context.Context, caller authority.Caller, in *put) (keywright.Gateway, error) {
		return s.Authority.SetGateway(ctx, caller, in.Account, in.Gateway, in.Body)
	})
	serve(s, operation[plain]{
		id: "deleteGateway", method: http.MethodDelete, path: gatewayPath, tag: "gateways", conflicts: true,
		summary: "Delete a gateway", detail: "Proxies that ask by its name let nothing pass then.", params: whichGateway[struct{}](),
	}, func(ctx context.Context, caller authority.Caller, in *plain) (deletion, error) {
		revision, err := s.Authority.DeleteGateway(ctx, caller, in.Account, in.Gateway)
		return deletion{revision}, err
	})
}
