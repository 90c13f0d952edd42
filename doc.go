// Package keywright is the vocabulary of Keywright, a service that issues API
// tokens, verifies them at memory speed and revokes them before the call
// returns; and a client for its REST API.
//
// A presented string becomes a [Credential] (ParseCredential, no I/O). A store
// answers what is on file about it ([Facts]). [Decide] holds the facts against
// an attempt ([Access]) and a time, and gives a [Decision] whose zero value
// refuses. Nothing else in the program decides whether a key may pass.
//
// The package depends on the standard library only.
package keywright
