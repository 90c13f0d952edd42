package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
	kongtoml "github.com/alecthomas/kong-toml"
)

// configFile names a TOML file. It stands below flags and environment: kong alone would put a
// file above the environment.
type configFile string

// BeforeResolve reads the file that a flag or the environment names. A setting that no
// flag has is refused: a misspelt one would be silently not set.
func (c *serveCmd) BeforeResolve(ctx *kong.Context) error {
	for _, flag := range ctx.Selected().Flags {
		if path, ok := ctx.FlagValue(flag).(configFile); ok && path != "" {
			return readConfig(ctx, string(path))
		}
	}
	return nil
}

func readConfig(ctx *kong.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer file.Close()
	settings, err := kongtoml.Loader(file)
	if err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	if err := settings.Validate(&kong.Application{Node: ctx.Selected()}); err != nil {
		return fmt.Errorf("configuration %w", err)
	}
	ctx.AddResolver(belowEnvironment{settings})
	return nil
}

type belowEnvironment struct{ kong.Resolver }

// Resolve leaves alone what the environment says.
func (r belowEnvironment) Resolve(ctx *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return r.Resolver.Resolve(ctx, parent, flag)
}
