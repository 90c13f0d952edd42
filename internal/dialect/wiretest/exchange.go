package wiretest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func cmdHTTP(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	request, want, ok := strings.Cut(strings.TrimSuffix(text, "\n"), "\n=>\n")
	if !ok {
		ts.Fatalf("%s has no line =>", args[0])
	}
	got, body, err := exchange(ts.Getenv("HOST"), onWire(request))
	ts.Check(err)
	found, err := compare(want, got, body)
	if err != nil {
		ts.Fatalf("%s: %v\n\n%s\n%v\n%s", args[0], err, got.Status, got.Header, body)
	}
	for name, value := range found {
		ts.Setenv(name, value)
	}
}

// onWire is a request as it is sent.
func onWire(text string) string {
	head, body, _ := strings.Cut(text, "\n\n")
	head = strings.Replace(head, "Content-Length: *", fmt.Sprintf("Content-Length: %d", len(body)), 1)
	return strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
}

func exchange(host, request string) (*http.Response, string, error) {
	conn, err := net.DialTimeout("tcp", host, 10*time.Second)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, "", err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, "", err
	}
	method, _, _ := strings.Cut(request, " ")
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, strings.TrimSuffix(string(body), "\n"), err
}

// compare holds an answer against what was said of it, and returns what was found at named places.
func compare(want string, got *http.Response, body string) (map[string]string, error) {
	head, wantBody, _ := strings.Cut(want, "\n\n")
	status, headers, _ := strings.Cut(head, "\n")
	if have := got.Proto + " " + got.Status; have != status {
		return nil, fmt.Errorf("answered %s, want %s", have, status)
	}
	found := map[string]string{}
	for line := range strings.Lines(headers) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		have := strings.Join(got.Header.Values(name), ", ")
		if value == "-" {
			value = ""
		}
		if err := match(value, have, found); err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
	}
	return found, match(wantBody, body, found)
}

// kinds are what can stand in an answer for something that is new each time.
var kinds = map[string]string{
	"uuid":    `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
	"jwt":     `eyJ[\w-]+\.[\w-]+\.[\w-]+`,
	"secret":  `[0-9A-Za-z]{43}`,
	"key":     `kw_[0-9A-Za-z]{71}`,
	"mrsm":    `mrsm-key:[0-9A-Za-z+/]+={0,2}`,
	"base64":  `[0-9A-Za-z+/]+={0,2}`,
	"int":     `[0-9]+`,
	"time":    `[0-9T:.Z+-]+`,
	"naive":   `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}`,
	"text":    `[^"\\]+`,
	"hex":     `[0-9a-f]+`,
	"last":    `[0-9A-Za-z]{5}`,
	"stamp":   `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00`,
	"any":     `[^\n]*`,
	"session": `kws_[0-9A-Za-z]{71}`,
}

var placeholder = regexp.MustCompile(`<([a-z0-9]+)(?: ([A-Z_]+))?>`)

func match(want, have string, found map[string]string) error {
	var pattern strings.Builder
	var names []string
	rest := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(want, -1) {
		kind, ok := kinds[want[at[2]:at[3]]]
		if !ok {
			return fmt.Errorf("<%s> stands for nothing", want[at[2]:at[3]])
		}
		name := ""
		if at[4] >= 0 {
			name = want[at[4]:at[5]]
		}
		names = append(names, name)
		pattern.WriteString(regexp.QuoteMeta(want[rest:at[0]]) + "(" + kind + ")")
		rest = at[1]
	}
	pattern.WriteString(regexp.QuoteMeta(want[rest:]))
	groups := regexp.MustCompile(`^` + pattern.String() + `$`).FindStringSubmatch(have)
	if groups == nil {
		return fmt.Errorf("got %q, want %q", have, want)
	}
	for i, name := range names {
		if name != "" {
			found[name] = groups[i+1]
		}
	}
	return nil
}
