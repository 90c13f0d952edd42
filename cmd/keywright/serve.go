package main

import (
	"context"
	"errors"
)

type serveCmd struct{}

// Run serves until ctx ends.
func (*serveCmd) Run(context.Context, stdio) error { return errors.New("unwritten") }
