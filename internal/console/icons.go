package console

import "strings"

// drawing is an icon's lines, on a grid of 16 by 16.
type drawing struct{ names, strokes string }

// drawings are all icons; strokes are parted by "|".
func drawings() []drawing {
	return []drawing{
		{"home", "M2.5 7.5 8 3l5.5 4.5V13h-4V9.5h-3V13h-4z"},
		{"key", "M7.5 8a2.8 2.8 0 1 1-5.6 0 2.8 2.8 0 0 1 5.6 0z|M7.5 8H14v2.5M11 8v2"},
		{"layers", "M8 2.5 14 5.5 8 8.5 2 5.5z|M2 8.2l6 3 6-3|M2 10.9l6 3 6-3"},
		{"user", "M8 8a2.7 2.7 0 1 0-.01 0|M3 13.5c.6-2.6 2.6-3.7 5-3.7s4.4 1.1 5 3.7"},
		{"users", "M6 7.5a2.4 2.4 0 1 0-.01 0|M1.5 13c.5-2.5 2.3-3.5 4.5-3.5s4 1 4.5 3.5|M10.5 3a2.3 2.3 0 0 1 0 4.4M12 9.7c1.4.4 2.2 1.5 2.5 3.3"},
		{"book", "M3 3.5C5 2.5 7 2.7 8 3.7c1-1 3-1.2 5-.2v9c-2-1-4-.8-5 .2-1-1-3-1.2-5-.2z|M8 3.7v9"},
		{"shield", "M8 2l5 1.8v3.7c0 3.2-2 5.3-5 6.5-3-1.2-5-3.3-5-6.5V3.8z|M5.8 8l1.6 1.6 2.9-3"},
		{"list", "M5.5 4H14M5.5 8H14M5.5 12H14M2.3 4h.01M2.3 8h.01M2.3 12h.01"},
		{"hook", "M6 5.5a2.3 2.3 0 1 1 3.3 2l-1.8 3.3|M6.3 9a2.3 2.3 0 1 0 1.4 3h3.5|M9.3 9.6a2.3 2.3 0 1 1 .6 4"},
		{"gear", "M8 10.2a2.2 2.2 0 1 0-.01 0|M8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6 5 5M11 11l1.4 1.4M12.4 3.6 11 5M5 11l-1.4 1.4"},
		{"accounts", "M2.5 13.5v-8H8v8M8 13.5v-11h5.5v11M1.5 13.5h13M4.5 8h1.5M4.5 10.5H6M10 5h1.5M10 7.5h1.5M10 10h1.5"},
		{"star", "M8 2.3l1.7 3.6 4 .5-2.9 2.7.7 3.9L8 11.1 4.5 13l.7-3.9-2.9-2.7 4-.5z"},
		{"plus", "M8 3v10M3 8h10"},
		{"search", "M7 11.5a4.5 4.5 0 1 0-.01 0|M10.3 10.3 14 14"},
		{"copy", "M6 6h7.5v7.5H6z|M10 6V2.5H2.5V10H6"},
		{"check notice-done", "M3 8.5 6.3 12 13 4.5"},
		{"cross", "M4 4l8 8M12 4l-8 8"},
		{"more", "M3.5 8h.01M8 8h.01M12.5 8h.01"},
		{"menu", "M2.5 4.5h11M2.5 8h11M2.5 11.5h11"},
		{"right", "M6 3.5 10.5 8 6 12.5"},
		{"down", "M3.5 6 8 10.5 12.5 6"},
		{"up", "M3.5 10 8 5.5 12.5 10"},
		{"updown", "M5 6l3-3 3 3M5 10l3 3 3-3"},
		{"leave", "M9.5 2.5H3v11h6.5|M6.5 8H14M11.5 5.5 14 8l-2.5 2.5"},
		{"theme-light", "M8 10.7a2.7 2.7 0 1 0-.01 0|M8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1"},
		{"theme-dark", "M13.5 9.5A5.8 5.8 0 0 1 6.5 2.5a5.8 5.8 0 1 0 7 7z"},
		{"theme-system", "M2 3h12v8H2z|M6 14h4M8 11v3"},
		{"notice-info", "M8 14A6 6 0 1 0 7.99 14|M8 7.3V11M8 5h.01"},
		{"notice-warning notice-problem", "M8 2 14.5 13.5h-13z|M8 6.5v3M8 11.6h.01"},
		{"rotate", "M13 6.5A5.3 5.3 0 0 0 3.5 5M3 9.5a5.3 5.3 0 0 0 9.5 1.5|M3.3 2.5V5.2H6M12.7 13.5v-2.7H10"},
		{"pause", "M5.5 3.5v9M10.5 3.5v9"},
		{"play", "M5 3.5v9l7.5-4.5z"},
		{"bin", "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.6 9h6.8l.6-9"},
		{"pen", "M3 13l.6-2.8 7.4-7.4 2.2 2.2-7.4 7.4z"},
		{"eye", "M1.5 8C3.5 4.8 5.6 3.5 8 3.5s4.5 1.3 6.5 4.5c-2 3.2-4.1 4.5-6.5 4.5S3.5 11.2 1.5 8z|M8 9.8a1.8 1.8 0 1 0-.01 0"},
		{"clock", "M8 14A6 6 0 1 0 7.99 14|M8 4.8V8l2.2 1.5"},
		{"download", "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M2.5 13.5h11"},
	}
}

// each has the names and the lines of the drawing.
func (d drawing) each() (names, strokes []string) {
	return strings.Fields(d.names), strings.Split(d.strokes, "|")
}
