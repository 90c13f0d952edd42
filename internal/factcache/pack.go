package factcache

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/internal/store"
)

// pack writes a record into one string of about 200 bytes, where the record itself, with all it points to, takes 900.
// The collector has nothing to look at in it, and a processor reads it in three or four lines of its cache. The id is not
// in it: it is the key. Nor is Facts.Tenant, which a record leaves zero.
func pack(r *store.Record) string {
	var p packer
	f := &r.Facts
	p.number(uint64(f.Kind))
	p.texts(f.Account, f.Space)
	p.scopes(f.Scopes)
	p.scopes(r.Implied)
	p.list(f.Audience)
	p.number(uint64(len(f.Networks)))
	for _, n := range f.Networks {
		p.text(n.String())
	}
	p.times(f.NotBefore, f.ExpiresAt, f.RenewedAt, f.LastUsedAt, f.DisabledAt, f.RevokedAt)
	p.signed(r.Number)
	p.texts(r.Label, r.OwnerName, r.CreatedBy, r.RevokedReason)
	p.ids(r.Owner, r.DisabledBy, r.Parent)
	p.times(r.CreatedAt, r.UpdatedAt, r.AccessSince)
	p.flag(r.Recoverable)
	p.number(uint64(len(r.Metadata)))
	for _, name := range slices.Sorted(maps.Keys(r.Metadata)) {
		p.texts(name, r.Metadata[name])
	}
	p.number(uint64(len(r.Secrets)))
	for i := range r.Secrets {
		s := &r.Secrets[i]
		p.signed(s.Number)
		p.flag(s.Foreign)
		p.b = append(append(p.b, s.Hint[:]...), s.Digest[:]...)
		p.text(s.Pepper)
		p.times(s.Until)
	}
	p.number(uint64(len(r.AccessRevoked)))
	for _, a := range r.AccessRevoked {
		p.text(a.JTI)
		p.times(a.ExpiresAt)
	}
	return string(p.b)
}

// unpack reads what pack wrote. The record's texts share the string's memory. What cannot be read is not ok, and no record.
func unpack(id keywright.ID, packed string) (r *store.Record, ok bool) {
	p := unpacker{rest: packed}
	r = new(store.Record)
	f := &r.Facts
	f.ID, f.Kind = id, keywright.Kind(p.number())
	f.Account, f.Space = p.text(), p.text()
	f.Scopes = several(&p, (*unpacker).scope)
	r.Implied = several(&p, (*unpacker).scope)
	f.Audience = several(&p, (*unpacker).text)
	f.Networks = several(&p, (*unpacker).network)
	f.NotBefore, f.ExpiresAt, f.RenewedAt = p.time(), p.time(), p.time()
	f.LastUsedAt, f.DisabledAt, f.RevokedAt = p.time(), p.time(), p.time()
	r.Number = p.signed()
	r.Label, r.OwnerName, r.CreatedBy, r.RevokedReason = p.text(), p.text(), p.text(), p.text()
	r.Owner, r.DisabledBy, r.Parent = p.id(), p.id(), p.id()
	r.CreatedAt, r.UpdatedAt, r.AccessSince = p.time(), p.time(), p.time()
	r.Recoverable = p.flag()
	r.Metadata = p.metadata()
	r.Secrets = several(&p, (*unpacker).secret)
	r.AccessRevoked = several(&p, (*unpacker).revoked)
	return r, !p.bad && p.rest == ""
}

// packer appends values to b.
type packer struct{ b []byte }

func (p *packer) number(n uint64) { p.b = binary.AppendUvarint(p.b, n) }
func (p *packer) signed(n int64)  { p.b = binary.AppendVarint(p.b, n) }

func (p *packer) flag(f bool) {
	if f {
		p.number(1)
	} else {
		p.number(0)
	}
}

func (p *packer) text(s string) {
	p.number(uint64(len(s)))
	p.b = append(p.b, s...)
}

func (p *packer) texts(list ...string) {
	for _, s := range list {
		p.text(s)
	}
}

func (p *packer) scopes(list keywright.Scopes) {
	p.number(uint64(len(list)))
	for _, s := range list {
		p.text(s.String())
	}
}

func (p *packer) list(list []string) {
	p.number(uint64(len(list)))
	p.texts(list...)
}

// times writes instants in microseconds since 1970, as the store has them; a zero one apart.
func (p *packer) times(list ...time.Time) {
	for _, t := range list {
		p.flag(!t.IsZero())
		if !t.IsZero() {
			p.signed(t.UnixMicro())
		}
	}
}

func (p *packer) ids(list ...keywright.ID) {
	for _, id := range list {
		p.flag(!id.IsZero())
		if !id.IsZero() {
			p.b = append(p.b, id[:]...)
		}
	}
}

// unpacker is what is left of a packed record. Once something is bad, all that follows is zero.
type unpacker struct {
	rest string
	bad  bool
}

func (p *unpacker) take(n uint64) string {
	if p.bad || n > uint64(len(p.rest)) {
		p.bad, p.rest = true, ""
		return ""
	}
	s := p.rest[:n]
	p.rest = p.rest[n:]
	return s
}

func (p *unpacker) number() (n uint64) {
	for i := range len(p.rest) {
		c := p.rest[i]
		if n |= uint64(c&0x7f) << (7 * i); c < 0x80 {
			p.rest = p.rest[i+1:]
			return n
		}
		if i == binary.MaxVarintLen64-1 {
			break
		}
	}
	p.bad, p.rest = true, ""
	return 0
}

func (p *unpacker) signed() int64 {
	n := p.number()
	return int64(n>>1) ^ -int64(n&1)
}

func (p *unpacker) flag() bool   { return p.number() == 1 }
func (p *unpacker) text() string { return p.take(p.number()) }

func (p *unpacker) time() time.Time {
	if !p.flag() {
		return time.Time{}
	}
	return time.UnixMicro(p.signed()).UTC()
}

func (p *unpacker) id() (id keywright.ID) {
	if p.flag() {
		copy(id[:], p.take(uint64(len(id))))
	}
	return id
}

func (p *unpacker) scope() keywright.Scope {
	s, err := keywright.ParseScope(p.text())
	p.bad = p.bad || err != nil
	return s
}

func (p *unpacker) network() netip.Prefix {
	n, err := netip.ParsePrefix(p.text())
	p.bad = p.bad || err != nil
	return n
}

func (p *unpacker) secret() (s store.Secret) {
	s.Number, s.Foreign = p.signed(), p.flag()
	copy(s.Hint[:], p.take(uint64(len(s.Hint))))
	copy(s.Digest[:], p.take(uint64(len(s.Digest))))
	s.Pepper, s.Until = p.text(), p.time()
	return s
}

func (p *unpacker) revoked() store.RevokedAccess {
	return store.RevokedAccess{JTI: p.text(), ExpiresAt: p.time()}
}

func (p *unpacker) metadata() map[string]string {
	n := p.number()
	if n == 0 {
		return nil
	}
	m := make(map[string]string)
	for ; n > 0 && !p.bad; n-- {
		name := p.text()
		m[name] = p.text()
	}
	return m
}

// several reads a list; the empty one is nil.
func several[T any](p *unpacker, one func(*unpacker) T) []T {
	n := p.number()
	if n == 0 || n > uint64(len(p.rest)) { // each takes a byte at least
		p.bad = p.bad || n > 0
		return nil
	}
	list := make([]T, n)
	for i := range list {
		list[i] = one(p)
	}
	return list
}
