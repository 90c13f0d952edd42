package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// docs/cli.md is complete: every command stands there by its full name or, where
// only its verb differs, in the table of the other spellings.
func TestDocsMentionEveryCommand(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range shownCommands() {
		verb := strings.Fields(path)[0]
		want := "keywright " + path
		if slices.Contains([]string{"register", "show", "edit", "delete"}, verb) {
			want = "`" + path + "`"
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/cli.md does not mention %q", want)
		}
	}
	for _, leaf := range commandLeaves() {
		for _, flag := range leaf.Flags {
			if leaf.Name != "serve" && !flag.Hidden && !mentions(string(text), flag.Name) {
				t.Errorf("docs/cli.md does not mention --%s of %s", flag.Name, commandPath(leaf))
			}
		}
	}
	for _, code := range []int{exitOK, exitRefused, exitUsage, exitNotSignedIn, exitNotFound, exitConflict, exitUnavailable, exitInterrupted} {
		if !strings.Contains(string(text), fmt.Sprintf("| %d | ", code)) || !strings.Contains(exitCodesHelp, fmt.Sprint(code)) {
			t.Errorf("exit code %d is not documented", code)
		}
	}
}

func mentions(text, flag string) bool {
	return strings.Contains(text, "--"+flag) || strings.Contains(text, "--[no-]"+flag)
}
