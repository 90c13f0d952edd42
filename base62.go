package keywright

import "math/bits"

// base62Digits is in ASCII order, so that numbers of one width sort as their text does.
const base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// base62Values is one more than the value of a digit; 0 is no digit. Keys are parsed
// for every request, and a table is twice as fast as comparing.
var base62Values = [256]uint8{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'A': 11, 'B': 12, 'C': 13, 'D': 14, 'E': 15, 'F': 16, 'G': 17, 'H': 18, 'I': 19, 'J': 20, 'K': 21, 'L': 22, 'M': 23,
	'N': 24, 'O': 25, 'P': 26, 'Q': 27, 'R': 28, 'S': 29, 'T': 30, 'U': 31, 'V': 32, 'W': 33, 'X': 34, 'Y': 35, 'Z': 36,
	'a': 37, 'b': 38, 'c': 39, 'd': 40, 'e': 41, 'f': 42, 'g': 43, 'h': 44, 'i': 45, 'j': 46, 'k': 47, 'l': 48, 'm': 49,
	'n': 50, 'o': 51, 'p': 52, 'q': 53, 'r': 54, 's': 55, 't': 56, 'u': 57, 'v': 58, 'w': 59, 'x': 60, 'y': 61, 'z': 62,
}

func isAlphanumeric(c byte) bool { return base62Values[c] != 0 }

func isBase62(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) {
			return false
		}
	}
	return true
}

// appendBase62 appends the 128-bit number hi:lo in exactly width digits, 22 at most.
func appendBase62(b []byte, hi, lo uint64, width int) []byte {
	start := len(b)
	b = append(b, "0000000000000000000000"[:width]...)
	for i := len(b) - 1; i >= start; i-- {
		var digit uint64
		hi, digit = hi/62, hi%62
		lo, digit = bits.Div64(digit, lo, 62)
		b[i] = base62Digits[digit]
	}
	return b
}

// parseBase62 reads digits, which isBase62, as a 128-bit number; false if it does not fit.
func parseBase62(digits string) (hi, lo uint64, ok bool) {
	const most = 10 // digits whose number fits 64 bits
	for len(digits) > 0 {
		var chunk, scale uint64 = 0, 1
		for i := range min(most, len(digits)) {
			chunk = chunk*62 + uint64(base62Values[digits[i]]-1)
			scale *= 62
		}
		if hi, lo, ok = multiplyAdd(hi, lo, scale, chunk); !ok {
			return 0, 0, false
		}
		digits = digits[min(most, len(digits)):]
	}
	return hi, lo, true
}

// multiplyAdd returns hi:lo * factor + term; false if it does not fit 128 bits.
func multiplyAdd(hi, lo, factor, term uint64) (uint64, uint64, bool) {
	over, high := bits.Mul64(hi, factor)
	middle, low := bits.Mul64(lo, factor)
	low, carry := bits.Add64(low, term, 0)
	high, carry = bits.Add64(high, middle, carry)
	return high, low, over == 0 && carry == 0
}
