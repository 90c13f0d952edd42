// Package browser holds what is proved of the console in a real browser: Debian's Chromium, driven by its own protocol, at a
// real server. It tests what people see and do; what each page says in which case, the tests beside the pages say.
//
// Whoever uses the browser does as people do: finds a control by its role and name (person.click), and sees what is on the screen
// (person.sees). Meanwhile everything that a browser complains about is written down (watch), and fails the test.
package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// chromium is the one browser of the run. Each person in it has cookies, storage and permissions of its own.
var chromium struct {
	sync.Once
	ctx  context.Context
	stop context.CancelFunc
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.stop != nil {
		chromium.stop()
	}
	os.Exit(code)
}

// browser starts the browser, if no test has. Where there is none the test is skipped, unless KEYWRIGHT_TEST_ALL says that
// nothing may be.
func browser(t testing.TB) context.Context {
	t.Helper()
	path := program(t)
	chromium.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
		chromium.ctx, chromium.stop = chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(options...))
		chromium.err = chromedp.Do(chromium.ctx)
	})
	must(t, chromium.err)
	return chromium.ctx
}

// program is the path of Chromium.
func program(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	need(t, err, "install Chromium")
	return path
}

// fromNPM is the path of a file that npm ci installs.
func fromNPM(t testing.TB, elements ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"testdata", "npm", "node_modules"}, elements...)...)
	_, err := os.Stat(path)
	need(t, err, "run npm ci in internal/console/browser/testdata/npm")
	return path
}

func need(t testing.TB, err error, help string) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("KEYWRIGHT_TEST_ALL") != "":
		t.Fatalf("KEYWRIGHT_TEST_ALL is set: %v; %s", err, help)
	default:
		t.Skipf("%v; %s", err, help)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
