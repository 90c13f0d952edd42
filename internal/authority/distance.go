package authority

import "unicode"

// distance is how many characters must be added, dropped, changed or swapped with their neighbour to make one of two scopes the
// other; the case of letters does not count. What comes to limit or more is limit.
func distance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+differ(a[i], b[j]))
			if i > 0 && j > 0 && differ(a[i], b[j-1])+differ(a[i-1], b[j]) == 0 {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
			least = min(least, row[j+1])
		}
		if least >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}

func differ(a, b byte) int {
	if unicode.ToLower(rune(a)) == unicode.ToLower(rune(b)) {
		return 0
	}
	return 1
}
