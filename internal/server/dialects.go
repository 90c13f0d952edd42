package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keywright/keywright/internal/dialect"
	"github.com/keywright/keywright/internal/dialect/devo"
	"github.com/keywright/keywright/internal/dialect/meerschaum"
	"github.com/keywright/keywright/internal/dialect/meshstack"
	"github.com/keywright/keywright/internal/dialect/neuroio"
)

// noDialects is the name that stands for none.
const noDialects = "none"

// spoken is a dialect that an instance can speak.
type spoken struct {
	name string
	open func(dialect.Config) *dialect.Door
}

// everyDialect is the one list of them.
func everyDialect() []spoken {
	return []spoken{
		{"devo", devo.New},
		{"meerschaum", meerschaum.New},
		{"meshstack", meshstack.New},
		{"neuroio", neuroio.New},
	}
}

// DialectNames are the names that Config.Dialects can hold.
func DialectNames() []string {
	var names []string
	for _, d := range everyDialect() {
		names = append(names, d.name)
	}
	return names
}

// checkDialects refuses by name what is no dialect.
func checkDialects(chosen []string) error {
	if slices.Equal(chosen, []string{noDialects}) {
		return nil
	}
	known := DialectNames()
	for _, name := range chosen {
		if !slices.Contains(known, name) {
			return fmt.Errorf("dialect %q is not known: want some of %s, or %s alone", name, strings.Join(known, ", "), noDialects)
		}
	}
	return nil
}

// dialects opens the chosen ones.
func (s *Server) dialects() []*dialect.Door {
	cfg := dialect.Config{
		URL:       s.Opened.URL,
		Authority: s.authority,
		Log:       s.cfg.Log,
		Address:   address,
		RequestID: requestID,
		Now:       s.cfg.Now,
	}
	var doors []*dialect.Door
	for _, d := range everyDialect() {
		if len(s.cfg.Dialects) == 0 || slices.Contains(s.cfg.Dialects, d.name) {
			cfg.Name = d.name
			doors = append(doors, d.open(cfg))
		}
	}
	return doors
}
