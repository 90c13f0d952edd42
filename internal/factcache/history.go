package factcache

import (
	"cmp"
	"slices"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// history is what was told last, in the order of revisions, as far back as it reaches.
type history struct {
	limit    int                // subjects that are kept
	floor    keywright.Revision // of what was told up to it, nothing is kept
	told     keywright.Revision // the last
	chapters []chapter
	kept     int // subjects
}

type chapter struct {
	revision keywright.Revision
	what     []store.Subject
}

// add appends what is newer than all before, and gives up the oldest for it if there is no room.
func (h *history) add(revision keywright.Revision, what []store.Subject) {
	if h.told == 0 && len(h.chapters) == 0 {
		h.floor = revision - 1 // what was before our time is not known
	}
	h.told = revision
	h.chapters = append(h.chapters, chapter{revision, what})
	h.kept += len(what)
	if h.kept > h.limit {
		h.shorten(h.limit * 3 / 4) // more than has to be, to do it seldom
	}
}

// shorten gives up the oldest until no more than so many subjects are left.
func (h *history) shorten(limit int) {
	drop := 0
	for ; h.kept > limit; drop++ {
		h.kept -= len(h.chapters[drop].what)
		h.floor = h.chapters[drop].revision
	}
	h.chapters = slices.Delete(h.chapters, 0, drop)
}

// restart gives up everything up to a revision.
func (h *history) restart(revision keywright.Revision) {
	*h = history{limit: h.limit, floor: revision, told: revision}
}

// after returns what was told after a revision; ok is false if that is not known any more.
func (h *history) after(since keywright.Revision) (what []store.Subject, ok bool) {
	if since < h.floor {
		return nil, false
	}
	from, _ := slices.BinarySearchFunc(h.chapters, since+1, func(c chapter, r keywright.Revision) int {
		return cmp.Compare(c.revision, r)
	})
	for _, c := range h.chapters[from:] {
		what = append(what, c.what...)
	}
	return what, true
}
