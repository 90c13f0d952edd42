package authority

import (
	"fmt"
	"io"
	"strings"

	"github.com/keywright/keywright"
)

// labelOr is the label, or a random one: an adjective and a noun, so that a list stays readable.
func (s *scene) labelOr(label string) (string, error) {
	if label != "" {
		return label, nil
	}
	return s.a.SuggestLabel()
}

// SuggestLabel is a random label, as a token gets that is given none.
func (a *Authority) SuggestLabel() (string, error) {
	var b [2]byte
	if _, err := io.ReadFull(a.cfg.Random, b[:]); err != nil {
		return "", fmt.Errorf("%w: read randomness: %w", keywright.ErrUnavailable, err)
	}
	adjective, noun := strings.Fields(adjectives), strings.Fields(nouns)
	return adjective[int(b[0])%len(adjective)] + "-" + noun[int(b[1])%len(noun)], nil
}

const adjectives = `
	able agile amber ample bold brave brief bright brisk calm candid civil clean clear clever close
	cool crisp deep eager early easy even fair fast fine firm fleet fond frank free fresh
	gentle glad golden good grand happy hardy honest humble keen kind large light lively loyal lucid
	merry mild modest neat nimble noble patient plain polite proud quick quiet ready sunny warm wise`

const nouns = `
	acorn anchor apple arch aspen badger barn basil beacon birch bridge brook canyon cedar cliff cloud
	clover comet coral crane creek dawn delta dune eagle elm ember falcon fern field finch fjord
	forest fox garden glade grove harbor hazel heron hill island ivy lake lantern lark ledge lily
	linden maple meadow mill moss oak orchard otter pebble pine quarry reef river robin spruce willow`
