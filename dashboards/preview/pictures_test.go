package preview

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/hookline-io/hookline/dashboards"
)

var (
	pictures = flag.String("pictures", "", "folder to save pictures of the boards in")
	running  = flag.String("preview", "", "address of a running preview to take pictures of; empty: one of the demo")
)

// TestPictures takes the pictures of the documentation (make screenshots): every board as the demo fills it, in light and
// dark, at the widths of a laptop, a large screen and a phone.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("SKIPPED: takes pictures only with a folder, -pictures")
	}
	if *running != "" {
		photograph(t, *running, "", dashboards.UIDs()...)
		return
	}
	// What people look at: the history that make run sends.
	t.Run("figures", func(t *testing.T) {
		d := newDemo(t, npm(t))
		d.poison()
		d.rehearse()
		d.settle(d.sendHistory())
		defer d.trickle()()
		refund := ask(t, d.engine, `SELECT event_id FROM sales WHERE vendor = 'acme-pay' AND kind = 'refund' ORDER BY received_at DESC LIMIT 1`)
		photograph(t, d.server.URL, refund, dashboards.SalesUID, dashboards.VendorsUID, dashboards.VendorUID, dashboards.JournalUID)
	})
	// What operators look at: a few minutes of work.
	t.Run("pipeline", func(t *testing.T) {
		d := newDemo(t, npm(t))
		if d.metrics == nil {
			t.Fatal("the board Pipeline needs a Prometheus: apt-get install prometheus")
		}
		const deliveries, perSecond = 30_000, 200
		d.send(deliveries, d.traffic.Next, perSecond)
		d.poison()
		d.settle(d.ledger.Events())
		defer d.trickle()()
		photograph(t, d.server.URL, "", dashboards.PipelineUID)
	})
}

// Widths of the pictures: a laptop with Grafana's menu docked, a laptop, a screen on a wall, a phone.
var widths = []int64{1100, 1440, 1920, 390}

// photograph takes the pictures of boards, named BOARD-WIDTH-THEME; event is the one whose journal is shown.
func photograph(t *testing.T, address, event string, boards ...string) {
	t.Helper()
	queries := map[string]string{
		dashboards.SalesUID:    "var-currency=USD",
		dashboards.VendorsUID:  "var-currency=USD",
		dashboards.VendorUID:   "var-currency=USD&var-name=acme-pay",
		dashboards.PipelineUID: "from=now-5m&to=now",
		dashboards.JournalUID:  "var-vendor=acme-pay&var-event=" + event,
	}
	b := open(t)
	for _, board := range boards {
		name, url := strings.TrimPrefix(board, "hookline-"), address+"/d/"+board+"?"+queries[board]
		for _, width := range widths {
			for _, theme := range []string{"light", "dark"} {
				b.show(url, width, theme)
				b.save(fmt.Sprintf("%s-%d-%s", name, width, theme), ".foot")
				if board == dashboards.SalesUID && width == 1440 && theme == "light" {
					b.save(name, "#panel-5") // for the README: down to the main chart
				}
			}
		}
	}
	b.checkComplaints()
}

// save saves a picture of the page from its top down to an element, reduced to the width of the narrowest laptop.
func (b *browser) save(name, downTo string) {
	b.t.Helper()
	height := read[float64](b, fmt.Sprintf(`Math.ceil(document.querySelector(%q).getBoundingClientRect().bottom + scrollY)`, downTo))
	width := read[float64](b, `innerWidth`)
	b.do(chromedp.EmulateViewport(int64(width), int64(height)))
	const most = 1100
	quality := int64(30)
	picture, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatWebp, Quality: &quality,
		Clip: &page.Viewport{Width: width, Height: height, Scale: min(1, most/width)},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*pictures, name+".webp"), picture.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
