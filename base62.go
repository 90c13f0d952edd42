package keywright

import "math/bits"

// base62Digits is in ASCII order, so that numbers of one width sort as their text does.
const base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// appendBase62 appends the 128-bit number hi:lo in exactly width digits.
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

// parseBase62 reads digits as a 128-bit number; false if one is not in the
// alphabet or the number does not fit.
func parseBase62(s string) (hi, lo uint64, ok bool) {
	for i := range len(s) {
		digit := base62Value(s[i])
		if digit < 0 {
			return 0, 0, false
		}
		carry, low := bits.Mul64(lo, 62)
		over, high := bits.Mul64(hi, 62)
		low, c := bits.Add64(low, uint64(digit), 0)
		high, o := bits.Add64(high, carry, c)
		if over != 0 || o != 0 {
			return 0, 0, false
		}
		hi, lo = high, low
	}
	return hi, lo, true
}

// base62Value is the value of one digit, or -1.
func base62Value(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'Z':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 36
	}
	return -1
}

func isBase62(s string) bool {
	for i := range len(s) {
		if base62Value(s[i]) < 0 {
			return false
		}
	}
	return true
}
