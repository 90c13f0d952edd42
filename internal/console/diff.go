package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// difference is what an event tells of one member: as it was and as it is.
type difference struct {
	member string // its name in the API, with those that it is in
	label  string
	items  []item // of a list, item by item; then was and is are empty
	was    string
	is     string
	had    bool // it was there before
	has    bool // and after
}

// item is one of a list: kept, new or gone.
type item struct{ text, how string }

// differences compare what an event says of before and after, in the order of names.
func differences(before, after map[string]any) []difference { return compare("", before, after) }

func compare(within string, before, after map[string]any) []difference {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	var found []difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := before[name]
		is, has := after[name]
		member := strings.TrimPrefix(within+" › "+name, " › ")
		wasMap, wasNested := was.(map[string]any)
		isMap, isNested := is.(map[string]any)
		if wasNested || isNested {
			found = append(found, compare(member, wasMap, isMap)...)
			continue
		}
		d := difference{member: member, label: memberWords(member), had: had, has: has}
		wasList, wasMany := was.([]any)
		isList, isMany := is.([]any)
		if (wasMany || was == nil) && (isMany || is == nil) && (wasMany || isMany) {
			d.items = compareLists(name, wasList, isList)
		} else {
			d.was, d.is = valueWords(name, was), valueWords(name, is)
		}
		found = append(found, d)
	}
	return found
}

func compareLists(name string, was, is []any) []item {
	var items []item
	texts := func(list []any) (texts []string) {
		for _, value := range list {
			texts = append(texts, valueWords(name, value))
		}
		return texts
	}
	old, now := texts(was), texts(is)
	for _, text := range old {
		how := "gone"
		if slices.Contains(now, text) {
			how = "kept"
		}
		items = append(items, item{text, how})
	}
	for _, text := range now {
		if !slices.Contains(old, text) {
			items = append(items, item{text, "new"})
		}
	}
	return items
}

// valueWords says a value as a person reads it: a lifetime in days, an instant as a date.
func valueWords(name string, value any) string {
	switch value := value.(type) {
	case nil:
		return "none"
	case bool:
		if value {
			return "yes"
		}
		return "no"
	case string:
		if t, err := time.Parse(time.RFC3339Nano, value); err == nil {
			return exactly(t)
		}
		return value
	case json.Number:
		n, err := value.Int64()
		switch {
		case err != nil:
			return value.String()
		case n == 0 && slices.Contains(inSeconds, name) && !strings.HasSuffix(name, "overlap"):
			return "none"
		case slices.Contains(inSeconds, name):
			return seconds(n)
		case n == -1 && strings.HasPrefix(name, "max_"):
			return "no limit"
		}
		return number(n)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// inSeconds are the members that are a number of seconds.
var inSeconds = []string{"default_lifetime", "temporary_lifetime", "max_lifetime", "max_unused", "max_overlap", "overlap", "expires_in"}

// memberWords is what a member is called on pages.
func memberWords(member string) string {
	words := map[string]string{
		"allowed_cidrs": "Networks", "allowed_audience": "Audiences", "allowed_scopes": "Scopes", "audience": "Audience", "closed_at": "Closed",
		"default_lifetime": "Lifetime if none is asked for", "disabled_at": "Disabled", "enabled": "Switched on", "expires_at": "Expires",
		"expiry_required": "Expiry required", "max_lifetime": "Longest lifetime", "max_overlap": "Longest overlap", "max_permanent": "Permanent tokens at most",
		"max_tokens": "Tokens at most", "max_unused": "Longest without use", "metadata": "Metadata", "recoverable_allowed": "Keys may be shown again",
		"revoked_at": "Revoked", "revoked_reason": "Reason", "temporary_lifetime": "Lifetime of temporary tokens", "url": "URL",
	}[member]
	if words != "" {
		return words
	}
	return sentenceCase(strings.ReplaceAll(member, "_", " "))
}
