package main

import (
	"fmt"
	"io"
	"strings"
)

const barWidth = 30

// progress is a bar on the terminal's error stream; where nobody watches it writes nothing.
type progress struct {
	out   io.Writer // nil: nobody watches
	total int64     // bytes; 0: not known
	read  int64
}

func newProgress(h *host, total int64) *progress {
	p := &progress{total: total}
	if h.ErrTerminal {
		p.out = h.Stderr
	}
	return p
}

// reading counts what is read of r.
func (p *progress) reading(r io.Reader) io.Reader { return countingReader{r, &p.read} }

type countingReader struct {
	io.Reader
	count *int64
}

func (c countingReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	*c.count += int64(n)
	return n, err
}

// tell draws the bar.
func (p *progress) tell(imported, refused int) {
	if p.out == nil {
		return
	}
	bar := ""
	if p.total > 0 {
		part := min(float64(p.read)/float64(p.total), 1)
		full := int(part * barWidth)
		bar = fmt.Sprintf("[%s%s] %3d%% ", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), int(part*100))
	}
	fmt.Fprintf(p.out, "\r%s%d imported, %d refused", bar, imported, refused)
}

// finish leaves the line of the bar.
func (p *progress) finish() {
	if p.out != nil {
		fmt.Fprintln(p.out)
	}
}
