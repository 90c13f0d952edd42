package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// pictures are those of docs/console.md, of what an admin of the demo sees. What makes something new comes last.
var pictures = []view{
	{name: "overview", path: "/console/a/acme/"},
	{name: "tokens", path: tokensOfDemo},
	{name: "new-token", path: tokensOfDemo + "/new", then: func(p *person) {
		p.fill("textbox", "Label", "Mobile app")
		p.click("checkbox", "orders")
		p.sees("Give money back")
		value[any](p, `document.querySelector("input[value='orders:write']").click()`)
		p.until(`document.querySelector("#would-allow").textContent.includes("orders:write")`)
		value[any](p, `document.querySelector("#would-allow").scrollIntoView({block: "end"})`)
	}},
	{name: "token", path: tokensOfDemo + "?q=storefront", then: func(p *person) { p.click("link", "Storefront") }},
	{name: "revoke", path: tokensOfDemo, then: func(p *person) {
		p.click("DisclosureTriangle", "Actions for Billing export")
		p.click("link", "Revoke")
		p.sees("Revoke Billing export?")
	}},
	{name: "policy", path: "/console/a/acme/policy", then: func(p *person) {
		p.fill("textbox", "Longest lifetime", "120")
		p.click("button", "See what it would do")
		p.sees("Nothing has changed yet.")
	}},
	{name: "people", path: "/console/a/acme/people"},
	{name: "audit", path: "/console/a/acme/events"},
	{name: "credentials", path: tokensOfDemo + "/new", then: func(p *person) {
		p.fill("textbox", "Label", "Mobile app")
		p.fill("textbox", "Scopes", "orders:read")
		p.click("button", "Create token")
		p.sees("Copy these now.")
	}},
}

const tokensOfDemo = "/console/a/acme/tokens"

// TestPictures takes the pictures, light and dark, and one on a telephone, where KEYWRIGHT_CONSOLE_DOCS names the folder of the documentation.
func TestPictures(t *testing.T) {
	docs := os.Getenv("KEYWRIGHT_CONSOLE_DOCS")
	if docs == "" {
		t.Skip("KEYWRIGHT_CONSOLE_DOCS names no folder: make pictures does")
	}
	p := newPerson(t, newDemo(t).URL)
	p.signIn("maya", password)
	p.screen(390, "light")
	p.visit(tokensOfDemo)
	p.picture(filepath.Join(docs, "console", "tokens-telephone.webp"), 390, 800)
	for _, v := range pictures {
		p.screen(1280, "light")
		p.visit(v.path)
		if v.then != nil {
			v.then(p)
		}
		p.picture(filepath.Join(docs, "console", v.name+"-light.webp"), 1280, 800)
		p.screen(1280, "dark")
		p.picture(filepath.Join(docs, "console", v.name+"-dark.webp"), 1280, 800)
	}
}

// picture takes one of what is on a screen of this size.
func (p *person) picture(name string, width, height int64) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1.5, Mobile: width < 500})
	p.settle()
	shot := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: new(int64(80))})
	must(p.t, os.WriteFile(name, shot.Data, 0o644))
}
