package preview

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookline-io/hookline/dashboards"
)

var (
	pictures = flag.String("pictures", "", "folder to save pictures of the boards in")
	running  = flag.String("preview", "", "address of a running preview to take pictures of; empty: one of the demo")
)

// TestPictures takes the pictures of the documentation (make screenshots): every board in light and dark and on a
// phone, as the demo fills it.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("SKIPPED: takes pictures only where it is told a folder, -pictures")
	}
	if *running != "" {
		photograph(t, *running, "", dashboards.UIDs()...)
		return
	}
	// What people look at: the history that make run tells.
	t.Run("figures", func(t *testing.T) {
		d := newDemo(t, npm(t))
		d.poison()
		d.settle(d.tell())
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
		const deliveries, perSecond = 60_000, 300
		d.send(deliveries, d.traffic.Next, perSecond)
		d.poison()
		d.settle(d.ledger.Events())
		defer d.trickle()()
		photograph(t, d.server.URL, "", dashboards.PipelineUID)
	})
}

// photograph takes the pictures of boards; event is the one whose journal is shown.
func photograph(t *testing.T, address, event string, boards ...string) {
	t.Helper()
	queries := map[string]string{
		dashboards.SalesUID:    "var-currency=USD",
		dashboards.VendorsUID:  "var-currency=USD",
		dashboards.VendorUID:   "var-currency=USD&var-name=acme-pay",
		dashboards.PipelineUID: "from=now-5m&to=now",
		dashboards.JournalUID:  "var-vendor=acme-pay&var-event=" + event,
	}
	const desk, phone, readme = 1400, 390, 1280 // widths
	const all, chart = ".foot", "#panel-5"      // what to take in
	b := open(t)
	for _, board := range boards {
		name, page := strings.TrimPrefix(board, "hookline-"), address+"/d/"+board+"?"+queries[board]
		for _, picture := range []struct {
			name, theme string
			width       int64
			downTo      string
		}{{"-light", "light", desk, all}, {"-dark", "dark", desk, all}, {"-phone", "light", phone, all}, {"", "light", readme, chart}} {
			if picture.downTo == chart && board != dashboards.SalesUID {
				continue
			}
			b.show(page, picture.width, picture.theme)
			b.save(name+picture.name, picture.downTo)
		}
	}
	b.checkComplaints()
}

// save saves a picture of the page from its top down to an element, with few colours where pngquant is at hand.
func (b *browser) save(name, downTo string) {
	b.t.Helper()
	height := read[float64](b, fmt.Sprintf(`Math.ceil(document.querySelector(%q).getBoundingClientRect().bottom + scrollY)`, downTo))
	width := read[float64](b, `innerWidth`)
	b.do(chromedp.EmulateViewport(int64(width), int64(height)))
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(*pictures, name+".png")
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
	if quantise, err := exec.LookPath("pngquant"); err == nil {
		if out, err := exec.Command(quantise, "--force", "--ext=.png", "--strip", "--speed=1", "64", path).CombinedOutput(); err != nil {
			b.t.Fatal(fmt.Errorf("%w: %s", err, out))
		}
	}
}
