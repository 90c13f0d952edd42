package sqlstore

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// row is read from its first column to its last. What cannot be read makes err.
type row struct {
	vals []driver.Value
	next int
	err  error
}

func column[T any](r *row) (v T, present bool) {
	if r.next >= len(r.vals) {
		r.err = errors.Join(r.err, fmt.Errorf("there is no column %d", r.next+1))
		return v, false
	}
	got := r.vals[r.next]
	r.next++
	if got == nil {
		return v, false
	}
	v, ok := got.(T)
	if !ok {
		r.err = errors.Join(r.err, fmt.Errorf("column %d is %T, want %T", r.next, got, v))
	}
	return v, ok
}

func (r *row) text() string {
	v, _ := column[string](r)
	return v
}

func (r *row) int() int64 {
	v, _ := column[int64](r)
	return v
}

// bool reads a flag, or what a condition is: of a type of its own in PostgreSQL.
func (r *row) bool() bool {
	if r.next < len(r.vals) {
		if v, ok := r.vals[r.next].(bool); ok {
			r.next++
			return v
		}
	}
	return r.int() != 0
}

func (r *row) bytes() []byte {
	v, _ := column[[]byte](r)
	return v
}

func (r *row) time() time.Time {
	v, present := column[int64](r)
	if !present {
		return time.Time{}
	}
	return time.UnixMicro(v).UTC()
}

func (r *row) id() (id keywright.ID) {
	if b := r.bytes(); len(b) == len(id) {
		copy(id[:], b)
	} else if b != nil {
		r.fail(fmt.Errorf("column %d is no id: %d bytes", r.next, len(b)))
	}
	return id
}

// rest is all columns that are not read yet, as parameters for another query.
func (r *row) rest() []any { return anys(r.vals[r.next:]) }

func (r *row) digest() (d store.Digest) {
	if b := r.bytes(); len(b) == len(d) {
		copy(d[:], b)
	} else {
		r.fail(fmt.Errorf("column %d is no digest: %d bytes", r.next, len(b)))
	}
	return d
}

// fail notes why the row cannot be read.
func (r *row) fail(err error) {
	if err != nil {
		r.err = errors.Join(r.err, err)
	}
}
