package main

import (
	"fmt"
	"os"

	"github.com/keywright/keywright/internal/server"
)

// gatewaysFile is read when the settings are, so that what is wrong in it is told before anything starts.
type gatewaysFile struct{ rules server.Gateways }

// UnmarshalText reads the file of the name given.
func (f *gatewaysFile) UnmarshalText(name []byte) error {
	text, err := os.ReadFile(string(name))
	if err != nil {
		return err
	}
	if f.rules, err = server.ParseGateways(text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
