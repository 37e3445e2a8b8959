package preview

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookline-io/hookline/dashboards"
	"github.com/hookline-io/hookline/schemas/vendors"
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
	address, event := *running, ""
	if address == "" {
		d := newDemo(t, npm(t))
		if d.metrics == nil {
			t.Fatal("the board Pipeline needs a Prometheus: apt-get install prometheus")
		}
		const deliveries, perSecond = 60_000, 300 // a few minutes of work for the board Pipeline to show
		d.send(deliveries, d.traffic.Next, perSecond)
		d.poison()
		d.settle()
		defer d.trickle()()
		address, event = d.server.URL, d.refund()
	}
	b := open(t)
	for board, query := range map[string]string{
		dashboards.SalesUID:    "var-currency=USD",
		dashboards.VendorsUID:  "var-currency=USD",
		dashboards.VendorUID:   "var-currency=USD&var-name=acme-pay",
		dashboards.PipelineUID: "from=now-5m&to=now",
		dashboards.JournalUID:  "var-vendor=acme-pay&var-event=" + event,
	} {
		name, page := strings.TrimPrefix(board, "hookline-"), address+"/d/"+board+"?"+query
		b.show(page, 1400, "light")
		b.save(name + "-light")
		b.show(page, 1400, "dark")
		b.save(name + "-dark")
		b.show(page, 390, "light")
		b.save(name + "-phone")
	}
	b.checkComplaints()
}

// refund is the ID of an event that triggered an action too.
func (d *demoStack) refund() string {
	d.t.Helper()
	for _, event := range slices.Backward(d.accepted) {
		if event.Vendor == "acme-pay" && event.Effect != nil && event.Effect.Kind == vendors.KindRefund {
			return event.ID
		}
	}
	d.t.Fatal("the demo refunded nothing")
	return ""
}

// save saves a picture of the whole page, with few colours where pngquant is at hand.
func (b *browser) save(name string) {
	b.t.Helper()
	if *pictures == "" {
		return
	}
	height := read[float64](b, `Math.ceil(document.querySelector(".foot").getBoundingClientRect().bottom + scrollY)`)
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
