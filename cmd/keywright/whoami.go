package main

import (
	"context"
	"io"
)

type whoamiCmd struct {
	remote
	output
}

// Run says who the server takes you for.
func (c *whoamiCmd) Run(ctx context.Context, h *host) error {
	client, err := c.dial(h)
	if err != nil {
		return err
	}
	self, err := client.Whoami(ctx)
	if err != nil {
		return err
	}
	return c.print(h, self, func(w io.Writer) {
		token := ""
		if self.TokenID != nil {
			token = self.TokenID.String()
		}
		fields(w,
			"User", printable(self.User),
			"Token", token,
			"Account", printable(self.Account),
			"Space", printable(self.Space),
			"Roles", roles(self.Roles),
			"Scopes", printable(list(self.Scopes.Strings())),
			"Server", printable(client.BaseURL),
		)
	})
}
