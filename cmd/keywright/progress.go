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
	total int64     // bytes, or rows; 0: not known
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
	p.draw(fmt.Sprintf("%d imported, %d refused", imported, refused))
}

// rows draws the bar of what is counted in rows.
func (p *progress) rows(done, total int64) {
	p.read, p.total = done, total
	p.draw(fmt.Sprintf("%d of %d rows", done, total))
}

func (p *progress) draw(text string) {
	if p.out == nil {
		return
	}
	bar := ""
	if p.total > 0 {
		part := min(float64(p.read)/float64(p.total), 1)
		full := int(part * barWidth)
		bar = fmt.Sprintf("[%s%s] %3d%% ", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), int(part*100))
	}
	fmt.Fprintf(p.out, "\r%s%s", bar, text)
}

// finish leaves the line of the bar.
func (p *progress) finish() {
	if p.out != nil {
		fmt.Fprintln(p.out)
	}
}
