package spoe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// The Stream Processing Offload Protocol, version 2.0, as section 3 of HAProxy's doc/SPOE.txt has it, without fragments.

// kind is the type of a frame.
type kind byte

const (
	haproxyHello      kind = 1
	haproxyDisconnect kind = 2
	notify            kind = 3
	agentHello        kind = 101
	agentDisconnect   kind = 102
	ack               kind = 103
)

// The flags of a frame.
const final = 1 // the last of its payload; we take no others

// Which type a value has, in the low four bits of its first byte. The high four are the value of a boolean.
const (
	typeNull   = 0
	typeBool   = 1
	typeInt32  = 2
	typeUint32 = 3
	typeInt64  = 4
	typeUint64 = 5
	typeIPv4   = 6
	typeIPv6   = 7
	typeString = 8
	typeBinary = 9
)

// mostBytes is how long a frame may be that we take; HAProxy's own limit is its buffer, 16 KiB unless set.
const mostBytes = 64 << 10

var errMalformed = errors.New("a frame that HAProxy would not send")

// frame is one message of either side.
type frame struct {
	kind       kind
	flags      uint32
	stream, id uint64
	payload    []byte
}

// readFrame reads one frame; io.EOF if the connection ends before it.
func readFrame(r io.Reader) (f frame, err error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return f, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 7 || n > mostBytes {
		return f, fmt.Errorf("%w: %d bytes long", errMalformed, n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return f, fmt.Errorf("%w: cut off", errMalformed)
	}
	f.kind, f.flags = kind(b[0]), binary.BigEndian.Uint32(b[1:5])
	in := reader{b[5:], nil}
	f.stream, f.id = in.uint(), in.uint()
	f.payload = in.rest
	return f, in.err
}

// writeFrame writes a frame that is whole.
func writeFrame(w io.Writer, f frame) error {
	b := append(make([]byte, 4, 64+len(f.payload)), byte(f.kind), 0, 0, 0, final)
	b = appendUint(appendUint(b, f.stream), f.id)
	b = append(b, f.payload...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	_, err := w.Write(b)
	return err
}

// reader takes values off the front of a payload. After an error it yields zero values.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err, r.rest = fmt.Errorf("%w: %s", errMalformed, what), nil
	}
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail("a value is cut off")
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// uint reads a number of varying length: a first byte below 240 is the number; else each further byte adds seven bits, the
// first of them from the fourth on.
func (r *reader) uint() uint64 {
	n := uint64(r.byte())
	if n < 240 {
		return n
	}
	for shift := 4; shift < 64; shift += 7 {
		b := r.byte()
		n += uint64(b) << shift
		if b < 128 {
			return n
		}
	}
	r.fail("a number is too long")
	return 0
}

func (r *reader) text() string { return string(r.take(r.uint())) }

// value reads a value of any type: nil, bool, uint64, netip.Addr or string.
func (r *reader) value() any {
	switch head := r.byte(); head & 0x0f {
	case typeNull:
		return nil
	case typeBool:
		return head&0x10 != 0
	case typeInt32, typeUint32, typeInt64, typeUint64:
		return r.uint()
	case typeIPv4:
		return r.address(4)
	case typeIPv6:
		return r.address(16)
	case typeString, typeBinary:
		return r.text()
	}
	r.fail("a value of unknown type")
	return nil
}

func (r *reader) address(bytes uint64) netip.Addr {
	address, _ := netip.AddrFromSlice(r.take(bytes)) // zero if it was cut off
	return address.Unmap()
}

// pairs reads names with their values until the payload ends, or n of them.
func (r *reader) pairs(n int) map[string]any {
	all := map[string]any{}
	for ; len(r.rest) > 0 && n != 0; n-- {
		name := r.text()
		if _, twice := all[name]; twice {
			r.fail("a name is there twice")
			return nil
		}
		all[name] = r.value()
	}
	return all
}

func appendUint(b []byte, n uint64) []byte {
	if n < 240 {
		return append(b, byte(n))
	}
	b = append(b, byte(n)|240)
	for n = (n - 240) >> 4; n >= 128; n = (n - 128) >> 7 {
		b = append(b, byte(n)|128)
	}
	return append(b, byte(n))
}

func appendText(b []byte, s string) []byte { return append(appendUint(b, uint64(len(s))), s...) }

func appendString(b []byte, s string) []byte { return appendText(append(b, typeString), s) }

func appendNumber(b []byte, n uint32) []byte { return appendUint(append(b, typeUint32), uint64(n)) }
