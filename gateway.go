package keywright

import "time"

// NewRoute asks for one rule of a gateway; Route says what each member means.
type NewRoute struct {
	Methods  []string `json:"methods,omitempty" doc:"HTTP methods; none: every method"`
	Path     string   `json:"path" doc:"Such as /orders, /orders/{id} or /files/{rest...}"`
	Audience string   `json:"audience,omitempty" doc:"For which API the token must be; none: for no API in particular"`
	Space    string   `json:"space,omitempty" doc:"Whose data it is; none: not asked"`
	Scopes   []string `json:"scopes,omitempty" doc:"Each must be covered"`
}

// NewGateway asks for the rules of a gateway, all of them.
type NewGateway struct {
	Version int64      `json:"version" doc:"That of the rules which these replace; 0: there are none yet"`
	Routes  []NewRoute `json:"routes" doc:"The first about a request counts; a request that none is about is refused"`
}

// Gateway is the rules by which proxies ask under a name.
type Gateway struct {
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	Version   int64     `json:"version" doc:"Counts the changes, from 1"`
	Routes    Routes    `json:"routes"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision  Revision  `json:"revision,omitempty" doc:"The revision of the change that gave this answer"`
}

// GatewaySummary is a gateway without its rules.
type GatewaySummary struct {
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	Version   int64     `json:"version" doc:"Counts the changes, from 1"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}
