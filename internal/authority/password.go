package authority

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/keywright/keywright"
)

// argon2id with OWASP's first choice of cost: 19 MiB, two passes, one lane.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonSalt   = 16
	argonHash   = 32

	shortestPassword = 10   // characters
	longestPassword  = 1024 // bytes
	passwordsAtOnce  = 2    // evaluations, each of which takes argonMemory
)

// passwords hashes and checks passwords, a few at a time, so that logins cannot take the memory
// and the processors away from everything else.
type passwords struct{ turns chan struct{} }

func newPasswords() passwords { return passwords{make(chan struct{}, passwordsAtOnce)} }

// turn waits until an evaluation may begin; done ends it.
func (p passwords) turn(ctx context.Context) (done func(), err error) {
	select {
	case p.turns <- struct{}{}:
		return func() { <-p.turns }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", keywright.ErrUnavailable, ctx.Err())
	}
}

// hashPassword returns what is kept of a new password, a PHC string. What is wrong with
// the password is said about the member of the request that holds it.
func (a *Authority) hashPassword(ctx context.Context, member string, password keywright.Secret) (string, error) {
	if err := checkNewPassword(member, password.Reveal()); err != nil {
		return "", err
	}
	done, err := a.passwords.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, argonSalt)
	if _, err := io.ReadFull(a.cfg.Random, salt); err != nil {
		return "", fmt.Errorf("authority: read randomness: %w", err)
	}
	p := phc{memory: argonMemory, passes: argonPasses, lanes: argonLanes, salt: salt}
	p.hash = p.evaluate(password.Reveal(), argonHash)
	return p.String(), nil
}

// checkNewPassword asks for length and nothing else, as NIST SP 800-63B section 3.1.1 has it.
func checkNewPassword(member, password string) error {
	switch {
	case len(password) > longestPassword:
		return keywright.Invalid(member, "a password has at most %d bytes", longestPassword)
	case !utf8.ValidString(password):
		return keywright.Invalid(member, "a password is UTF-8 text")
	case utf8.RuneCountInString(password) < shortestPassword:
		return keywright.Invalid(member, "a password has at least %d characters", shortestPassword)
	}
	return nil
}

// nobodysPassword is evaluated where there is no user or no password, so that both take the same time.
var nobodysPassword = phc{
	memory: argonMemory, passes: argonPasses, lanes: argonLanes,
	salt: make([]byte, argonSalt), hash: make([]byte, argonHash),
}

// passwordMatches compares in constant time. An empty or unreadable hash matches nothing, after the same work.
func passwordMatches(hash, password string) bool {
	p, err := parsePHC(hash)
	if err != nil {
		p = nobodysPassword
	}
	if len(password) > longestPassword {
		password = ""
	}
	own := p.evaluate(password, uint32(len(p.hash)))
	return subtle.ConstantTimeCompare(own, p.hash) == 1 && err == nil && password != ""
}

// phc is an argon2id hash in the PHC string format.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, hash     []byte
}

func (p phc) evaluate(password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.lanes, size)
}

func (p phc) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.passes, p.lanes, encode(p.salt), encode(p.hash))
}

func parsePHC(s string) (phc, error) {
	var p phc
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errPHC
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil {
		return p, errPHC
	}
	var err, err2 error
	p.salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	p.hash, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	// The database is not to choose how much memory a login takes.
	if err != nil || err2 != nil || len(p.hash) < argonHash || p.lanes < 1 || p.passes < 1 || p.passes > 16 || p.memory > 1<<18 {
		return p, errPHC
	}
	return p, nil
}

var errPHC = errors.New("not an argon2id hash")
