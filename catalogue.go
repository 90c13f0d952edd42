package keywright

import "time"

// NoAudience stands, in paths and on the command line, for the tokens that name no audience: they can have a
// catalogue too. No audience is called so.
const NoAudience = "-"

// CatalogueEntry is one scope that an API knows.
type CatalogueEntry struct {
	Name        string   `json:"name" doc:"A scope; a pattern stands for every scope that it covers"`
	Description string   `json:"description,omitempty" doc:"For people who choose scopes"`
	Group       string   `json:"group,omitempty" doc:"Under which heading it is shown"`
	AdminOnly   bool     `json:"admin_only,omitempty" doc:"Only an admin gives it, or a token that has it"`
	Since       string   `json:"since,omitempty" doc:"The version of the API that first knew it"`
	Implies     []string `json:"implies,omitempty" doc:"Scopes that a token has with this one"`
}

// NewAudience asks for an audience, all of it. It is what a file of one holds.
type NewAudience struct {
	Name        string           `json:"name,omitempty" doc:"If it is there, as in the path"`
	Description string           `json:"description,omitempty"`
	Scopes      []CatalogueEntry `json:"scopes" doc:"The catalogue; an empty one takes every scope"`
}

// Audience is an API for which an account's tokens may be, with the catalogue of the scopes it knows.
type Audience struct {
	Account     string           `json:"account"`
	Name        string           `json:"name" doc:"- for the tokens that name no audience"`
	Description string           `json:"description"`
	Scopes      []CatalogueEntry `json:"scopes"`
	CreatedAt   time.Time        `json:"created_at"`
	UpdatedAt   time.Time        `json:"updated_at"`
	Revision    Revision         `json:"revision,omitempty" doc:"The revision of the change that gave this answer"`
}

// AudienceSummary is an audience without its catalogue.
type AudienceSummary struct {
	Account     string    `json:"account"`
	Name        string    `json:"name" doc:"- for the tokens that name no audience"`
	Description string    `json:"description"`
	Entries     int64     `json:"entries" doc:"How many its catalogue has"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Catalogue is a set of audiences that comes with Keywright, for an account to adopt.
type Catalogue struct {
	Name        string        `json:"name"`
	Description string        `json:"description"`
	Audiences   []NewAudience `json:"audiences"`
}

// Coverage is what scopes come to at an audience.
type Coverage struct {
	Entries []CoveredEntry `json:"entries" doc:"What they cover, in the catalogue's order"`
	Implied Scopes         `json:"implied" doc:"What a token has with them, beyond them"`
	Unknown []UnknownScope `json:"unknown" doc:"What would be refused"`
}

// CoveredEntry is an entry that a scope covers.
type CoveredEntry struct {
	CatalogueEntry
	By      string `json:"by" doc:"The first scope that covers it"`
	Whole   bool   `json:"whole" doc:"false: only some of what the entry, a pattern, stands for"`
	Implied bool   `json:"implied,omitempty" doc:"The scope that covers it was not given but is implied"`
}

// UnknownScope is a scope that a catalogue does not have.
type UnknownScope struct {
	Scope   string `json:"scope"`
	Nearest string `json:"nearest,omitempty" doc:"The entry most like it, if one is"`
}
