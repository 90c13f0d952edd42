package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/audits"
	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/keywright/keywright/keywrighttest"
)

// patience is how long a person waits for something to show. It is long, since the machine may be busy.
const patience = 20 * time.Second

// person is somebody at a browser of their own.
type person struct {
	t     testing.TB
	ctx   context.Context
	base  string
	watch *watch
	still string // an expression that is true in a page in which nothing more is under way
}

// newPerson opens a browser for somebody who has never been at base. At the test's end nothing may have been amiss in it.
func newPerson(t testing.TB, base string) *person {
	t.Helper()
	return openTab(t, base, browser(t), chromedp.WithNewBrowserContext())
}

// newTab opens one more in the person's browser.
func (p *person) newTab() *person {
	p.t.Helper()
	return openTab(p.t, p.base, p.ctx)
}

func openTab(t testing.TB, base string, in context.Context, options ...chromedp.ContextOption) *person {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(in, options...)
	must(t, chromedp.Do(ctx))
	p := &person{t, ctx, base, newWatch(base), painted}
	must(t, chromedp.Listen(ctx, p.watch.event))
	t.Cleanup(func() {
		p.tell()
		closeTab()
	})
	go p.answerDialogs()
	call(p, audits.Enable, cdp.Empty{})
	call(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
			Permission: &cdpbrowser.PermissionDescriptor{Name: permission}, Setting: cdpbrowser.PermissionSettingGranted,
			Origin: base, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
		})
		must(t, err)
	}
	p.screen(1280, "light")
	return p
}

// tell fails the test for what was amiss in the browser since it was told last.
func (p *person) tell() {
	p.t.Helper()
	for _, trouble := range p.watch.found() {
		p.t.Errorf("in the browser: %s", trouble)
	}
}

// operator is the first user, signed in.
func operator(t testing.TB, s *keywrighttest.Server) *person {
	t.Helper()
	p := newPerson(t, s.URL)
	p.signIn(keywrighttest.AdminUsername, keywrighttest.AdminPassword)
	return p
}

func (p *person) signIn(username, password string) {
	p.t.Helper()
	p.visit("/console/sign-in")
	p.fill("textbox", "Username or e-mail", username)
	p.fill("textbox", "Password", password)
	p.click("button", "Sign in")
	p.until(`location.pathname !== "/console/sign-in"`)
	p.settle()
}

// answerDialogs has every dialog go away; leaving a page is confirmed.
func (p *person) answerDialogs() {
	for {
		select {
		case <-p.watch.asked:
			_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		case <-p.ctx.Done():
			return
		}
	}
}

func call[P, R any](p *person, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	result, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// visit enters an address.
func (p *person) visit(path string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(p.base+path)); err != nil {
		p.t.Fatalf("%s: %v", path, err)
	}
	p.settle()
}

// history goes back (-1) or forward (1) by the browser's own buttons.
func (p *person) history(by int64) {
	p.t.Helper()
	history := call(p, page.GetNavigationHistory, cdp.Empty{})
	entry := history.Entries[history.CurrentIndex+by]
	call(p, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: entry.ID})
	p.until(`document.readyState === "complete"`)
	p.settle()
}

func (p *person) reload() {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, chromedp.Reload()))
	p.settle()
}

// painted is true when a page is there and was painted since it was asked.
const painted = `new Promise(done => requestAnimationFrame(() => setTimeout(() => done(document.readyState === "complete"))))`

// noScripts turns JavaScript off.
func (p *person) noScripts() {
	p.t.Helper()
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.still = `document.readyState === "complete"` // a promise would not be kept
}

// settle waits until the page is there and loads nothing more.
func (p *person) settle() {
	p.t.Helper()
	p.wait("the page to settle", func() (bool, error) {
		ready, err := evaluate[bool](p.ctx, p.still)
		return ready && p.watch.idle(), err
	})
}

// wait asks again and again until the answer is yes. An error is no answer: the page may just be changing.
func (p *person) wait(what string, ask func() (bool, error)) {
	p.t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var yes bool
		if yes, err = ask(); yes {
			return
		}
		pause(p.ctx, 25*time.Millisecond)
	}
	p.t.Fatalf("waited for %s at %s (%v); the page says:\n%s", what, p.at(), err, p.text())
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// until waits until an expression is true in the page.
func (p *person) until(expression string) {
	p.t.Helper()
	p.wait(expression, func() (bool, error) { return evaluate[bool](p.ctx, "Boolean("+expression+")") })
}

func evaluate[T any](ctx context.Context, expression string) (T, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// value is what an expression has for a value in the page.
func value[T any](p *person, expression string) T {
	p.t.Helper()
	v, err := evaluate[T](p.ctx, expression)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// at is the path where the person is, with its query.
func (p *person) at() string {
	at, _ := evaluate[string](p.ctx, "location.pathname + location.search")
	return at
}

// text is what is to be read on the page.
func (p *person) text() string {
	text, _ := evaluate[string](p.ctx, `document.body.innerText.replace(/\s+/g, " ")`)
	return text
}

// sees waits until the page says something.
func (p *person) sees(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.wait(fmt.Sprintf("%q", text), func() (bool, error) { return strings.Contains(p.text(), text), nil })
	}
}

// seesNot holds a page that is there already against what it must not say.
func (p *person) seesNot(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if said := p.text(); strings.Contains(said, text) {
			p.t.Errorf("%s says %q:\n%s", p.at(), text, said)
		}
	}
}

// node is something on the page that can be acted on.
type node struct {
	cdp.BackendNodeID
	name string
}

// controls are what a screen reader tells of a role and a name, in their order; an empty name stands for every one.
func (p *person) controls(role, name string) ([]node, error) {
	root, err := chromedp.Run(p.ctx, chromedp.Evaluate[*runtime.RemoteObject]("document"))
	if err != nil {
		return nil, err
	}
	found, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		ObjectID: root.ObjectID, Role: role, AccessibleName: name,
	})
	var nodes []node
	for _, n := range found.Nodes {
		if n.Ignored {
			continue
		}
		var text string
		if n.Name != nil {
			_ = json.Unmarshal(n.Name.Value, &text)
		}
		nodes = append(nodes, node{n.BackendDOMNodeID, text})
	}
	return nodes, err
}

// find waits for a control.
func (p *person) find(role, name string) node {
	p.t.Helper()
	var nodes []node
	p.wait(fmt.Sprintf("the %s %q", role, name), func() (bool, error) {
		var err error
		nodes, err = p.controls(role, name)
		return len(nodes) > 0, err
	})
	return nodes[0]
}

// has reports whether a page that is there already has a control.
func (p *person) has(role, name string) bool {
	p.t.Helper()
	nodes, err := p.controls(role, name)
	must(p.t, err)
	return len(nodes) > 0
}

// click presses the mouse in the middle of a control, and waits for what comes of it.
func (p *person) click(role, name string) {
	p.t.Helper()
	p.press(p.find(role, name))
	p.settle()
}

func (p *person) press(n node) {
	p.t.Helper()
	call(p, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: n.BackendNodeID})
	quads := call(p, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: n.BackendNodeID}).Quads
	if len(quads) == 0 {
		p.t.Fatalf("%q has no place on the page", n.name)
	}
	x, y := (quads[0][0]+quads[0][4])/2, (quads[0][1]+quads[0][5])/2
	for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		call(p, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1})
	}
}

// fill types into a field, in place of what it holds.
func (p *person) fill(role, name, text string) {
	p.t.Helper()
	n := p.find(role, name)
	call(p, dom.Focus, dom.FocusParams{BackendNodeID: n.BackendNodeID})
	value[any](p, "document.activeElement.select()")
	p.write(text)
}

// submit sends the form that has a button of this value, past what the browser would check itself.
func (p *person) submit(do string) {
	p.t.Helper()
	value[any](p, fmt.Sprintf(`(button => { button.form.noValidate = true; button.form.requestSubmit(button); })(document.querySelector("button[name=do][value=%s]"))`, do))
	p.settle()
}

// write types at the cursor.
func (p *person) write(text string) {
	p.t.Helper()
	call(p, input.InsertText, input.InsertTextParams{Text: text})
}

// keys presses keys, one after the other.
func (p *person) keys(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		must(p.t, chromedp.Do(p.ctx, chromedp.KeyEvent(key)))
	}
	p.settle()
}

// screen changes how wide the window is, and whether the system is dark.
func (p *person) screen(width int64, scheme string) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 500})
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// clipboard is what a person would paste.
func (p *person) clipboard() string {
	p.t.Helper()
	return value[string](p, "navigator.clipboard.readText()")
}
