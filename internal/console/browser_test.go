package console_test

// People with a browser that has JavaScript: Chromium, as Debian has it. Without it the tests are skipped, unless
// KEYWRIGHT_TEST_ALL says that nothing may be.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/keywright/keywright/keywrighttest"
)

// tab is a browser's, with a person before it who is signed in as the operator.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	problems []string
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, err.Error())
	}
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("KEYWRIGHT_TEST_ALL") != "" {
		t.Fatalf("KEYWRIGHT_TEST_ALL is set: %s", what)
	}
	t.Skip(what)
}

// browse opens a browser and signs in. At the end of the test nothing may have gone wrong in it: no error, nothing that the content
// security policy had to stop, no request to anywhere else.
func browse(t *testing.T, s *keywrighttest.Server) *tab {
	t.Helper()
	needs(t, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath("chromium"), chromedp.WindowSize(1280, 860))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(stop)
	b := &tab{t: t, ctx: ctx, base: s.URL}
	b.do(chromedp.Navigate("about:blank"))
	must(t, chromedp.Listen(ctx, b.hear))
	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: permission}, Setting: browser.PermissionSettingGranted, Origin: s.URL,
		})
		must(t, err)
	}
	b.open("/console/sign-in")
	b.keys("admin\t" + keywrighttest.AdminPassword + "\r") // the first field has the focus
	b.until(`document.querySelector('.shell')`)
	t.Cleanup(b.check)
	return b
}

// hear notes what goes wrong in the browser.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("%+v", e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, "the console says something")
	case *network.EventRequestWillBeSent:
		if to := e.Request.URL; !strings.HasPrefix(to, b.base+"/") && !strings.HasPrefix(to, "data:") && !strings.HasPrefix(to, "blob:") && !strings.HasPrefix(to, "about:") {
			b.problems = append(b.problems, "a request to "+to)
		}
	case *devtools.EventJavascriptDialogOpening:
		b.problems = append(b.problems, "a dialog: "+string(e.Type)+" "+e.Message)
	}
}

func (b *tab) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range b.problems {
		b.t.Errorf("in the browser: %s", problem)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// keys presses keys wherever the focus is.
func (b *tab) keys(text string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(text))
}

// click clicks on what is to be seen there.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q)?.checkVisibility()`, selector))
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// write types into a field.
func (b *tab) write(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q)?.checkVisibility()`, selector))
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// until waits until an expression is true, also on the page that comes next.
func (b *tab) until(expression string) {
	b.t.Helper()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		if is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`Boolean(`+expression+`)`)); err == nil && is {
			return
		}
	}
	b.t.Fatalf("it never became true: %s\nat %s:\n%s", expression, b.eval("location.href"), b.eval("document.body.innerText"))
}

// says waits until the page's main part, or its dialog, says something.
func (b *tab) says(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`(document.querySelector('dialog[open]') ?? document.querySelector('main'))?.innerText.includes(%q)`, text))
}

// eval is what an expression comes to, as text.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(async () => String(await (`+expression+`)))()`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// at is the path of the page.
func (b *tab) at() string {
	b.t.Helper()
	u, err := url.Parse(b.eval("location.href"))
	must(b.t, err)
	return u.Path
}

// look sets how wide the window is, and whether it is dark.
func (b *tab) look(width int64, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.do(chromedp.EmulateViewport(width, 860))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	must(b.t, err)
}

// judges reads a file of the npm packages that pages are judged by.
func judges(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/npm/node_modules/" + file)
	if err != nil {
		missing(t, err.Error()+"; run npm ci --ignore-scripts in internal/console/testdata/npm")
	}
	return string(text)
}

// accessible has axe-core judge the page as it is.
func (b *tab) accessible(what, axe string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](axe+";true")); err != nil {
		b.t.Fatal(err)
	}
	found := b.eval(`axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations.map(v => ({rule: v.id, where: v.nodes.map(n => n.html.slice(0, 160) + ' ' + n.failureSummary)}))))`)
	var violations []struct {
		Rule  string   `json:"rule"`
		Where []string `json:"where"`
	}
	must(b.t, json.Unmarshal([]byte(found), &violations))
	for _, v := range violations {
		b.t.Errorf("%s: axe: %s\n%s", what, v.Rule, strings.Join(v.Where, "\n"))
	}
}
