package oauth

import "context"

// revoke answers POST /oauth2/revoke (RFC 7009 section 2):
//
//  1. the token; its hint, known or not, does not limit the search
//  2. the authority revokes it if it is the caller's own
//  3. an empty 200 whether there was anything to revoke or not; an error only
//     if it is not known to be durable
func (s *Server) revoke(ctx context.Context, q *request) ([]byte, error) {
	token := q.form.get("token")
	if token == "" {
		return nil, badRequest("parameter token is missing")
	}
	return nil, s.Authority.RevokePresented(ctx, q.caller, token)
}
