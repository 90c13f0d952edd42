// Package clustertest holds real servers to the promise of revocation while everything around them fails: a verification that
// starts after a change has returned never answers with what the change took away.
//
// It runs servers as processes of their own on one PostgreSQL, each behind a proxy that cuts, delays, holds and swallows what passes
// between it and the database; stops, kills and restarts servers and database; has clients make tokens, verify them everywhere at full speed and
// take them away; and records what was asked, when, and what was answered. A history is judged twice: each verification by
// itself against the changes that had returned when it began, and all of a token together, with porcupine, against a model of its life.
//
// It is tests only. The harness is tested as well: servers with one bug each, planted by factcache.Fault, have to be caught.
package clustertest
