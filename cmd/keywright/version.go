package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

type versionCmd struct{ output }

// versionAnswer says what program this is.
type versionAnswer struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Run prints one line.
func (c versionCmd) Run(h *host) error {
	return c.print(h, versionAnswer{version(), runtime.Version()}, func(w io.Writer) {
		fmt.Fprintln(w, "keywright", version())
	})
}

// version is the module's, or the commit's that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
