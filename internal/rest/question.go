package rest

import "github.com/keywright/keywright"

// The two ways to read a question. The quick one knows the shape that nearly
// every call has; whatever it does not recognise, right or wrong, goes the slow
// way, which alone says what is wrong. What the quick way reads, both read the
// same (FuzzQuestion).

// slowQuestion reads a question by the strict decoder that every other body passes.
func slowQuestion(data []byte) (question, error) {
	var body questionBody
	if err := decode(data, &body, nil); err != nil {
		return question{}, err
	}
	return body.question(), nil
}

// slowQuestions reads a batch.
func slowQuestions(data []byte) ([]question, error) {
	var body items[questionBody]
	if err := decode(data, &body, []string{"items"}); err != nil {
		return nil, err
	}
	if err := body.counted(); err != nil {
		return nil, err
	}
	return each(body.Items, questionBody.question).Items, nil
}

// questionBody tells a token that is not there from an empty one.
type questionBody struct {
	keywright.VerifyRequest
	Presented *string `json:"token,omitempty"`
}

func (b questionBody) question() question {
	q := question{VerifyRequest: b.VerifyRequest, aboutOther: b.Presented != nil}
	if q.aboutOther {
		q.Token = *b.Presented
	}
	return q
}

// quickQuestion reads one object whose members are known, there once, and made
// of strings without escapes. The question shares text's memory.
func quickQuestion(text string) (question, bool) {
	var q question
	in := quick{rest: text}
	var seen uint8
	for more := in.punct('{'); more; more = in.punct(',') {
		name, ok := in.str()
		member := quickMember(name)
		if !ok || member == 0 || seen&member != 0 || !in.punct(':') || !in.member(&q, member) {
			return question{}, false
		}
		seen |= member
	}
	return q, seen != 0 && in.punct('}') && in.end()
}

// The members of a question, as a set.
const (
	memberToken = 1 << iota
	memberScopes
	memberAudience
	memberSpace
	memberAddress
	memberUserAgent
)

func quickMember(name string) uint8 {
	switch name {
	case "token":
		return memberToken
	case "scopes":
		return memberScopes
	case "audience":
		return memberAudience
	case "space":
		return memberSpace
	case "address":
		return memberAddress
	case "user_agent":
		return memberUserAgent
	}
	return 0
}

// quick is what is left of a text.
type quick struct{ rest string }

func (in *quick) member(q *question, member uint8) (ok bool) {
	switch member {
	case memberToken:
		q.Token, ok = in.str()
		q.aboutOther = ok
	case memberScopes:
		q.Scopes, ok = in.strs()
	case memberAudience:
		q.Audience, ok = in.str()
	case memberSpace:
		q.Space, ok = in.str()
	case memberAddress:
		q.Address, ok = in.str()
	case memberUserAgent:
		q.UserAgent, ok = in.str()
	}
	return ok
}

// strs reads a list of strings.
func (in *quick) strs() ([]string, bool) {
	if !in.punct('[') {
		return nil, false
	}
	list := make([]string, 0, 4)
	if in.punct(']') {
		return list, true
	}
	for more := true; more; more = in.punct(',') {
		s, ok := in.str()
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, in.punct(']')
}

// str reads a string of visible ASCII and spaces without escapes.
func (in *quick) str() (string, bool) {
	if !in.punct('"') {
		return "", false
	}
	for i := range len(in.rest) {
		switch c := in.rest[i]; {
		case c == '"':
			s := in.rest[:i]
			in.rest = in.rest[i+1:]
			return s, true
		case c < ' ' || c > '~' || c == '\\':
			return "", false
		}
	}
	return "", false
}

// punct reads one character, with white space before it.
func (in *quick) punct(c byte) bool {
	in.space()
	if len(in.rest) == 0 || in.rest[0] != c {
		return false
	}
	in.rest = in.rest[1:]
	return true
}

func (in *quick) end() bool {
	in.space()
	return in.rest == ""
}

func (in *quick) space() {
	for len(in.rest) > 0 && (in.rest[0] == ' ' || in.rest[0] == '\n' || in.rest[0] == '\r' || in.rest[0] == '\t') {
		in.rest = in.rest[1:]
	}
}
