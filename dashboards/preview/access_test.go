package preview

import (
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookline-io/hookline/dashboards"
)

// barriers lists what keeps people from using the page who see little, or nothing, or have no mouse: controls and
// regions without a name of their own, and text that does not stand out (WCAG 2.2, 1.4.3: 4.5 to 1, large text 3 to 1).
const barriers = `(() => {
	const found = [];
	const name = (e) => (e.getAttribute("aria-label") || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent || [...(e.labels ?? [])].map((l) => l.textContent).join() || e.textContent).trim();
	for (const e of document.querySelectorAll("button, input, select, summary, a, [tabindex='0'], [role=figure]"))
		if (!name(e) && e.offsetParent) found.push("no name: " + e.outerHTML.slice(0, 120));
	const seen = new Set();
	for (const e of document.querySelectorAll("section, [role=region], nav, main")) {
		const own = e.tagName + name(e);
		if (e.tagName !== "MAIN" && seen.has(own)) found.push("two regions are called " + name(e).slice(0, 60));
		seen.add(own);
	}
	const parse = (color) => { const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number); return { rgb: [r, g, b], a }; };
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const { rgb, a } = parse(getComputedStyle(e).backgroundColor);
			if (a === 1) return rgb;
		}
		return [255, 255, 255];
	};
	const light = (rgb) => rgb.map((c) => c / 255).map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
	for (const e of document.querySelectorAll("body *")) {
		if (!e.offsetParent || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		const style = getComputedStyle(e);
		const [a, b] = [light(parse(style.color).rgb), light(behind(e))].sort((x, y) => y - x);
		const ratio = (a + .05) / (b + .05);
		if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) found.push(ratio.toFixed(1) + " to 1: " + e.textContent.trim().slice(0, 60));
	}
	return found;
})()`

// nobodyIsShutOut looks at every board in both themes, and walks through Sales without a mouse.
func nobodyIsShutOut(t *testing.T, b *browser, server *httptest.Server) {
	for _, theme := range []string{"light", "dark"} {
		for _, uid := range dashboards.UIDs() {
			b.show(server.URL+"/d/"+uid+"?from=2025-01-01&to=2025-12-31&var-currency=EUR", 1400, theme)
			for _, barrier := range read[[]string](b, barriers) {
				t.Errorf("%s, %s: %s", uid, theme, barrier)
			}
		}
	}
	b.show(server.URL+"/d/"+dashboards.SalesUID+"?from=2025-01-01&to=2025-12-31&var-currency=EUR", 1400, "light")
	b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`), chromedp.KeyEvent("\t"))
	if got := read[string](b, `document.activeElement.textContent`); got != "Skip to the figures" {
		t.Errorf("the first stop of the keyboard is %q", got)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#var-vendor").focus()`), chromedp.KeyEvent("\r"))
	if !read[bool](b, `document.querySelector("#variables details").open`) {
		t.Error("Enter does not open the list of vendors")
	}
	b.do(chromedp.KeyEvent("\x1b"))
	if read[bool](b, `document.querySelector("#variables details").open || document.activeElement.id !== "var-vendor"`) {
		t.Error("Escape does not close the list and go back to its button")
	}
}
