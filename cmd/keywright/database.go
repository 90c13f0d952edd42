package main

import (
	"net/url"
	"strings"

	"github.com/keywright/keywright"
)

// databaseVariable holds the URL of a database, which may have a password in it.
const databaseVariable = "KEYWRIGHT_DATABASE"

// databaseURL takes the URL that a flag, the environment or a file gave. Only the environment may give one with a
// password: arguments can be read by every process on the machine.
func databaseURL(flag, given string) (keywright.Secret, error) {
	fromEnvironment := takeFromEnvironment(databaseVariable)
	if given != fromEnvironment.Reveal() && hasPassword(given) {
		return keywright.Secret{}, usagef("a password in %s can be read by every process on this machine: give the URL by %s, or the password by PGPASSWORD or ~/.pgpass, and change it now",
			flag, databaseVariable)
	}
	return keywright.NewSecret(given), nil
}

// hasPassword looks into both forms that a connection string has. What it cannot read it takes for one.
func hasPassword(text string) bool {
	if text == "" || !strings.Contains(text, "://") {
		return strings.Contains(strings.ToLower(text), "password")
	}
	u, err := url.Parse(text)
	if err != nil {
		return true
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password") || u.Query().Has("sslpassword")
}
