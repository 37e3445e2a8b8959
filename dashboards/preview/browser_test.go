package preview

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"

	"github.com/hookline-io/hookline/internal/testkit"
)

// browser is a headless Chromium with one page. It collects what the page complains of.
type browser struct {
	t          testing.TB
	ctx        context.Context
	complaints chan string
}

// open starts a browser, or skips the test, visibly, where there is none.
func open(t testing.TB) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("SKIPPED: no chromium to draw the page with")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-proxy-server", true))
	b := &browser{t: t, complaints: make(chan string, 100)}
	const whole = 10 * time.Minute // all of a test's pages, on a machine that has other things to do
	deadline, cancel := context.WithTimeout(context.Background(), whole)
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(deadline, options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithListener(func(event any) {
		if entry, ok := event.(*cdplog.EventEntryAdded); ok {
			b.complain(entry.Entry.Text)
		}
	}))
	t.Cleanup(cancel)
	b.ctx = ctx
	b.do(chromedp.Navigate("about:blank"))
	if _, err := chromedp.Call(ctx, cdplog.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for message, err := range chromedp.Console(ctx) {
			if err != nil {
				return
			}
			b.complain(fmt.Sprintf("%+v", message))
		}
	}()
	return b
}

func (b *browser) complain(text string) {
	select {
	case b.complaints <- text:
	default: // enough to fail
	}
}

// checkComplaints fails the test for every error in the console, refused script or style among them.
func (b *browser) checkComplaints() {
	b.t.Helper()
	for {
		select {
		case text := <-b.complaints:
			b.t.Errorf("the page complains: %s", text)
		default:
			return
		}
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// show opens a page in a window of that width and waits until all panels have their figures.
func (b *browser) show(url string, width int64, theme string) {
	b.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.t.Fatal(err)
	}
	const height = 2400
	b.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`#board[aria-busy="false"]`)))
}

// read evaluates an expression in the page.
func read[T any](b *browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func (b *browser) texts(selector string) []string {
	b.t.Helper()
	return read[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.textContent.trim())`, selector))
}

// rows reads a table off the page.
func (b *browser) rows(panel string) [][]string {
	b.t.Helper()
	var rows [][]string
	raw := read[string](b, fmt.Sprintf(`JSON.stringify([...document.querySelectorAll("%s tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent)))`, panel))
	if err := json.Unmarshal([]byte(raw), &rows); err != nil {
		b.t.Fatal(err)
	}
	return rows
}

// until waits for the first element that the selector finds to say something.
func (b *browser) until(selector, want string) {
	b.t.Helper()
	testkit.Eventually(b.t, time.Minute, func() error {
		if got := b.texts(selector); len(got) == 0 || got[0] != want {
			return fmt.Errorf("%s says %q, want %q", selector, got, want)
		}
		return nil
	})
}
