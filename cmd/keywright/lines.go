package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxLine is the longest line of a file that is read; a longer one is refused, the rest goes on.
const maxLine = 256 << 10

// open opens a file to read, "-" being standard input, and tells its size if it has one.
func (h *host) open(path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(h.Stdin), 0, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, usagef("%s", err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return f, 0, err
	}
	return f, info.Size(), nil
}

// textLine is one line of a file, numbered from 1.
type textLine struct {
	number int
	text   []byte
}

// jsonLines yields the lines that are not blank. A line with an error cannot be used; the one after it can.
func jsonLines(r io.Reader) iter.Seq2[textLine, error] {
	return func(yield func(textLine, error) bool) {
		lines := bufio.NewReaderSize(r, maxLine)
		for number := 1; ; number++ {
			text, err := nextLine(lines)
			done := errors.Is(err, io.EOF)
			if done {
				err = nil
			}
			text = bytes.TrimSpace(text)
			if (len(text) > 0 || err != nil) && !yield(textLine{number, text}, err) || done {
				return
			}
			if err != nil && !errors.Is(err, errLongLine) {
				return
			}
		}
	}
}

var errLongLine = fmt.Errorf("is longer than %d bytes", maxLine)

// nextLine returns a line that stays the caller's. It has read to the line's end even when the line is too long.
func nextLine(r *bufio.Reader) ([]byte, error) {
	text, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return bytes.Clone(text), err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, errLongLine
}

// decodeStrictly reads one JSON object. Unknown and repeated members are refused by name; what
// stands in a member is never repeated, for it may be a key.
func decodeStrictly(text []byte, into any) error {
	err := json.Unmarshal(text, into, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("there is no member %q", short(semantic.JSONPointer.LastToken(), 40))
	case errors.As(err, &semantic):
		return fmt.Errorf("member %q cannot be a %s like this", short(string(semantic.JSONPointer), 40), semantic.JSONKind)
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("member %q stands there twice", short(syntax.JSONPointer.LastToken(), 40))
	case errors.As(err, &syntax):
		return fmt.Errorf("is no JSON from byte %d on", syntax.ByteOffset)
	}
	return errors.New("cannot be read")
}
