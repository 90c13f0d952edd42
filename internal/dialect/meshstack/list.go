package meshstack

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/keywright/keywright"
)

// keyList is a page of keys, in HAL.
type keyList struct {
	Embedded struct {
		Keys []apiKey `json:"meshApiKeys"`
	} `json:"_embedded"`
	Links links `json:"_links"`
	Page  page  `json:"page"`
}

// links lead to this page and, where there are any, to others.
type links struct {
	Self  link  `json:"self"`
	First *link `json:"first,omitempty"`
	Prev  *link `json:"prev,omitempty"`
	Next  *link `json:"next,omitempty"`
	Last  *link `json:"last,omitempty"`
}

type link struct {
	Href string `json:"href"`
}

type page struct {
	Size          int   `json:"size"`
	TotalElements int64 `json:"totalElements"`
	TotalPages    int64 `json:"totalPages"`
	Number        int64 `json:"number"`
}

const (
	defaultSize = 20
	largestSize = 1000
	lastNumber  = 1 << 40 // of a page: its elements can still be counted
)

// list answers GET of the keys that the caller may see, the oldest first.
func (s *server) list(q request) (reply, error) {
	p, err := readPage(q.Request)
	if err != nil {
		return reply{}, err
	}
	query := keywright.TokenQuery{TokenFilter: keywright.TokenFilter{Account: q.who.Account}, Sort: keywright.SortCreated}
	tokens, total, err := s.Authority.TokensAt(q.ctx, q.caller, query, int(p.Number)*p.Size, p.Size)
	if err != nil {
		return reply{}, err
	}
	p.TotalElements, p.TotalPages = total, (total+int64(p.Size)-1)/int64(p.Size)
	answer := keyList{Page: p, Links: s.links(p)}
	answer.Embedded.Keys = []apiKey{}
	for _, t := range tokens {
		answer.Embedded.Keys = append(answer.Embedded.Keys, newAPIKey(t, keywright.Secret{}))
	}
	return reply{http.StatusOK, answer}, nil
}

// readPage reads which page is asked for. A size beyond the largest is the largest.
func readPage(r *http.Request) (page, error) {
	number, err := count(r, "page", 0, 0)
	if err != nil || number > lastNumber {
		return page{}, bad("page must be a number from 0")
	}
	size, err := count(r, "size", defaultSize, 1)
	if err != nil {
		return page{}, bad("size must be a number from 1 to %d", largestSize)
	}
	return page{Size: int(min(size, largestSize)), Number: number}, nil
}

func count(r *http.Request, name string, otherwise, least int64) (int64, error) {
	values, ok := r.URL.Query()[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || len(values) > 1 || n < least {
		return 0, strconv.ErrRange
	}
	return n, nil
}

func (s *server) links(p page) links {
	at := func(number int64) *link {
		return &link{fmt.Sprintf("%s%s?page=%d&size=%d", s.URL, keysPath, number, p.Size)}
	}
	to := links{Self: *at(p.Number)}
	if p.TotalPages > 1 {
		to.First, to.Last = at(0), at(p.TotalPages-1)
	}
	if p.Number > 0 && p.TotalPages > 0 {
		to.Prev = at(min(p.Number, p.TotalPages) - 1)
	}
	if p.Number+1 < p.TotalPages {
		to.Next = at(p.Number + 1)
	}
	return to
}
