package console

import (
	"time"

	"github.com/keywright/keywright"
)

// soon is how near an end is that is marked.
const soon = 7 * 24 * time.Hour

// deed is something that can be done to a token.
type deed struct {
	title, icon string
	below       string // the page that asks, below the token's
	danger      bool
	dialog      bool // the page is short enough for a dialog
}

// deeds are what the person can do to a token in its state.
func (v *visit) deeds(t keywright.Token) []deed {
	if !v.mayWrite(t) {
		return nil
	}
	var can []deed
	if t.State == keywright.StateActive || t.State == keywright.StateDisabled || t.State == keywright.StateExpired {
		can = append(can, deed{title: "Edit", icon: "pen", below: "/edit"})
	}
	if t.State == keywright.StateActive || t.State == keywright.StateDisabled {
		if t.RotatingUntil == nil {
			can = append(can, deed{title: "Rotate", icon: "rotate", below: "/rotate", dialog: true})
		} else {
			can = append(can, deed{title: "Cancel rotation", icon: "rotate", below: "/cancel-rotation", dialog: true})
		}
	}
	switch t.State {
	case keywright.StateActive:
		can = append(can, deed{title: "Disable", icon: "pause", below: "/disable", dialog: true})
	case keywright.StateDisabled:
		can = append(can, deed{title: "Enable", icon: "play", below: "/enable", dialog: true})
	}
	if t.State != keywright.StateRevoked {
		can = append(can, deed{title: "Revoke", icon: "cross", below: "/revoke", danger: true, dialog: true})
	}
	return append(can, deed{title: "Delete", icon: "bin", below: "/delete", danger: true, dialog: true})
}

// dangerClass is the class of a deed's line in a menu.
func dangerClass(d deed) string {
	if d.danger {
		return "danger-text"
	}
	return ""
}
