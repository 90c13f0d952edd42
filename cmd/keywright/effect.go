package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// patience is the choice of commands that take something away.
type patience struct {
	Wait *time.Duration `placeholder:"DURATION" help:"Wait no longer, in whole seconds, until no server and no guard says yes any more; the change stands all the same. 0s: do not wait."`
}

// AfterApply tells the client.
func (p patience) AfterApply(h *host) error {
	switch {
	case p.Wait == nil:
	case *p.Wait <= 0:
		h.effect.Wait = -1
	default:
		h.effect.Wait = *p.Wait
	}
	return nil
}

// effectAnswer is what JSON answers to changes have besides the answer.
type effectAnswer struct {
	WaitedMS float64 `json:"waited_ms"`
	Pending  bool    `json:"pending,omitempty"`
}

// withEffect adds to an answer how the change took effect, if the command has changed anything.
func (h *host) withEffect(answer []byte) ([]byte, error) {
	if h.effect.Revision == 0 || !bytes.HasSuffix(answer, []byte("}")) {
		return answer, nil
	}
	more, err := json.Marshal(effectAnswer{float64(h.effect.Waited.Microseconds()) / 1000, h.effect.Pending})
	if err != nil {
		return nil, err
	}
	if len(answer) > len("{}") {
		answer, more = append(answer[:len(answer)-1:len(answer)-1], ','), more[1:]
		return append(answer, more...), nil
	}
	return more, nil
}

// warnPending tells a person that a change may not hold everywhere yet.
func (h *host) warnPending() {
	if h.effect.Pending {
		fmt.Fprintln(h.Stderr, "The change is made, but is not known to hold everywhere yet: for a few seconds, some server may accept what it took away.")
	}
}
