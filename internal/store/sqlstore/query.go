package sqlstore

import (
	"strconv"
	"strings"
)

// query is a SELECT put together from fixed parts; only parameters come from
// outside. Each ? becomes the next $n.
type query struct {
	text strings.Builder
	args []any
	glue string // before the next condition
}

func newQuery(text string) *query {
	q := &query{glue: " WHERE "}
	q.text.WriteString(text)
	return q
}

// where adds a condition.
func (q *query) where(condition string, args ...any) *query {
	q.text.WriteString(q.glue)
	q.glue = " AND "
	q.add(condition, args)
	return q
}

// whereIn adds the condition that an expression is one of a list, which is not empty.
func (q *query) whereIn(expression string, list []any) *query {
	marks := strings.Repeat(", ?", len(list))[len(", "):]
	return q.where(expression+" IN ("+marks+")", list...)
}

// anys is a list as parameters.
func anys[T any](list []T) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}

// end adds what follows the conditions.
func (q *query) end(text string, args ...any) *query {
	q.text.WriteByte(' ')
	q.add(text, args)
	return q
}

func (q *query) add(text string, args []any) {
	for _, a := range args {
		before, after, _ := strings.Cut(text, "?")
		q.args = append(q.args, a)
		q.text.WriteString(before + "$" + strconv.Itoa(len(q.args)))
		text = after
	}
	q.text.WriteString(text)
}

func (q *query) String() string { return q.text.String() }
