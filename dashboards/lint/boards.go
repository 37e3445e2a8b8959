package lint

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// boardRules each say what is wrong with a board as a whole.
var boardRules = []struct {
	name  string
	check func(board) []string
}{
	{"editable", editable},
	{"variables", variables},
	{"screenful", crowded},
	{"range", rangeName},
	{"vendor order", vendorOrder},
}

// editable: what somebody changes in the page is gone after the next deployment.
func editable(b board) []string {
	if b.Editable {
		return []string{"the board is generated and must not be editable"}
	}
	return nil
}

// variables: options that depend on what is stored are asked for again when the range changes.
func variables(b board) []string {
	const onTimeRangeChanged = 2
	var faults []string
	for _, v := range b.Templating.List {
		if v.Type == "query" && v.Refresh != onTimeRangeChanged {
			faults = append(faults, fmt.Sprintf("variable %s does not follow the range", v.Name))
		}
	}
	return faults
}

// crowded: no reader takes in more than ten panels at once. A panel counts where at least half of it is seen.
func crowded(b board) []string {
	const most = 10
	for _, first := range b.panels() {
		top, seen := first.GridPos.Y, 0
		for _, p := range b.panels() {
			visible := min(p.GridPos.Y+p.GridPos.H, top+screenful) - max(p.GridPos.Y, top)
			if 2*visible >= p.GridPos.H {
				seen++
			}
		}
		if seen > most {
			return []string{fmt.Sprintf("%d panels on the screenful that begins with %q", seen, first.Title)}
		}
	}
	return nil
}

var rounded = regexp.MustCompile(`^now-(\d+)([dwMy])/([dwMy])$`)

// rangeName: Grafana calls "now-12M/M" the last 12 months although it begins 12 months before the current one.
func rangeName(b board) []string {
	match := rounded.FindStringSubmatch(b.Time.From)
	if match == nil {
		return nil
	}
	for _, named := range b.Timepicker.QuickRanges {
		if named.From == b.Time.From && named.To == b.Time.To && named.Display != "" {
			return nil
		}
	}
	return []string{fmt.Sprintf(`Grafana calls %s "Last %s%s" and shows one more`, b.Time.From, match[1], match[2])}
}

var (
	candidates = regexp.MustCompile(`(?s)AS \(\s*(SELECT vendor\b[^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*LIMIT \d+)`)
	lastOrder  = regexp.MustCompile(`(?s).*ORDER BY ([\w, ]+?)\s*$`)
)

// vendorOrder: Grafana colours series by their place and sorts series over time by name, so that a vendor only has one
// colour where every chart of the board has the same vendors in the order of their names.
func vendorOrder(b board) []string {
	var faults []string
	set, setOf := "", ""
	for _, p := range b.panels() {
		if p.matrix() != "Vendor" && !strings.Contains(p.FieldConfig.Defaults.DisplayName, "labels.Vendor") {
			continue
		}
		mode := p.FieldConfig.Defaults.Color.Mode
		if mode == "palette-classic-by-name" {
			faults = append(faults, fmt.Sprintf("%q: colours by name give two vendors the same", p.Title))
		}
		order := lastOrder.FindStringSubmatch(p.sql())
		if order == nil || !strings.HasSuffix(order[1], ", vendor") && !strings.HasSuffix(order[1], ", name") {
			faults = append(faults, fmt.Sprintf("%q: vendors are not in the order of their names", p.Title))
		}
		match := candidates.FindStringSubmatch(p.sql())
		switch {
		case match == nil:
			faults = append(faults, fmt.Sprintf("%q: does not say which vendors stand alone", p.Title))
		case set == "":
			set, setOf = match[1], p.Title
		case match[1] != set:
			faults = append(faults, fmt.Sprintf("%q has other vendors than %q", p.Title, setOf))
		}
	}
	return faults
}

var (
	bound  = regexp.MustCompile(`[?&\x60](?:from|to)=([^&"\\\s]*)`)
	linked = regexp.MustCompile(`^(now.*|\d{12,14}|\$\{.*)$`)
)

// links: Grafana reads the ends of a range as milliseconds since 1970 or relative to now.
func links(text string) []string {
	var faults []string
	for _, match := range bound.FindAllStringSubmatch(strings.ReplaceAll(text, `\u0026`, "&"), -1) {
		value, err := url.QueryUnescape(match[1])
		if err != nil || !linked.MatchString(value) {
			faults = append(faults, fmt.Sprintf("%q is not in milliseconds, nor relative to now", match[1]))
		}
	}
	return faults
}
