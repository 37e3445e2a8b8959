package preview

import (
	"flag"
	"fmt"
	"maps"
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
	b := open(t)
	address := *running
	b.show(address+"/d/"+dashboards.JournalUID, 1400, "light")
	chosen := maps.Clone(chosenInPictures)
	chosen[dashboards.JournalUID] = read[string](b, `new URL(document.querySelector("#panel-3 tbody a").href).search`)
	for _, board := range dashboards.UIDs() {
		name := strings.TrimPrefix(board, "hookline-")
		b.show(address+"/d/"+board+chosen[board], 1400, "light")
		b.save(name + "-light")
		b.show(address+"/d/"+board+chosen[board], 1400, "dark")
		b.save(name + "-dark")
		b.show(address+"/d/"+board+chosen[board], 390, "light")
		b.save(name + "-phone")
	}
	b.checkComplaints()
}

// chosenInPictures is what is chosen on a board before its picture is taken.
var chosenInPictures = map[string]string{
	dashboards.SalesUID:    "?var-currency=USD",
	dashboards.VendorsUID:  "?var-currency=USD",
	dashboards.VendorUID:   "?var-currency=USD&var-name=acme-pay",
	dashboards.PipelineUID: "?from=now-15m&to=now",
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
