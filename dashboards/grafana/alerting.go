package grafana

import (
	"context"
	"maps"
	"net/url"
	"reflect"
	"slices"

	"github.com/hookline-io/hookline/internal/secret"
)

// provisioning is where the provisioning API of alerting begins.
const provisioning = "/api/v1/provisioning"

// keepEditable is the header that keeps what is written editable in Grafana's pages. Without it, Grafana notes that it
// is managed over the API, as Terraform does.
const keepEditable = "X-Disable-Provenance"

// byFile is the provenance of what a file of Grafana's own provisioning manages.
const byFile = "file"

// rules compares a group of rules. Grafana is not asked for the group of a folder that it does not have. A rule of ours
// that stands in another folder counts as well: its UID is taken.
func (c *Client) rules(ctx context.Context, folder string, wanted Document, none bool) (Change, error) {
	path := provisioning + "/folder/" + url.PathEscape(folder) + "/rule-groups/" + url.PathEscape(wanted.text("title"))
	change := Change{Name: "alert rules " + wanted.text("title"), want: wanted.lines()}
	change.apply = func(ctx context.Context) error { return c.call(ctx, "PUT", path, wanted, nil) }
	ours, err := c.provisionedRules(ctx, wanted)
	if err != nil {
		return Change{}, err
	}
	change.file = ours
	if none {
		return change, nil
	}
	var found Document
	switch err := c.call(ctx, "GET", path, nil, &found); {
	case isNotFound(err):
	case err != nil:
		return Change{}, err
	default:
		change.have = wanted.said(found).lines()
	}
	return change, nil
}

// provisionedRules says whether a file manages one of the wanted rules.
func (c *Client) provisionedRules(ctx context.Context, wanted Document) (bool, error) {
	var all []Document
	if err := c.call(ctx, "GET", provisioning+"/alert-rules", nil, &all); err != nil {
		return false, err
	}
	ours := map[string]bool{}
	rules, _ := wanted["rules"].([]any)
	for _, rule := range rules {
		if rule, ok := rule.(map[string]any); ok {
			ours[Document(rule).text("uid")] = true
		}
	}
	return slices.ContainsFunc(all, func(rule Document) bool {
		return ours[rule.text("uid")] && rule.text("provenance") == byFile
	}), nil
}

// contact compares a contact point.
func (c *Client) contact(ctx context.Context, wanted Document) (Change, error) {
	change := Change{Name: "contact point " + wanted.text("name"), want: hidden(wanted).lines()}
	var points []Document
	if err := c.call(ctx, "GET", provisioning+"/contact-points", nil, &points); err != nil {
		return Change{}, err
	}
	for _, found := range points {
		if found.text("uid") == wanted.text("uid") {
			change.have, change.file = hidden(wanted.said(found)).lines(), found.text("provenance") == byFile
		}
	}
	change.apply = func(ctx context.Context) error {
		if change.New() {
			return c.call(ctx, "POST", provisioning+"/contact-points", wanted, nil)
		}
		return c.call(ctx, "PUT", provisioning+"/contact-points/"+url.PathEscape(wanted.text("uid")), wanted, nil)
	}
	return change, nil
}

// hidden is a contact point with the texts in its settings replaced by their IDs: the address may be a secret, as
// that of a chat room's webhook is.
func hidden(point Document) Document {
	point = maps.Clone(point)
	settings, _ := point["settings"].(map[string]any)
	settings = maps.Clone(settings)
	for key, value := range settings {
		if text, ok := value.(string); ok {
			settings[key] = "[redacted " + secret.New([]byte(text)).ID() + "]"
		}
	}
	point["settings"] = settings
	return point
}

// policy compares one branch of the notification policies.
func (c *Client) policy(ctx context.Context, wanted Document) (Change, error) {
	change := Change{Name: "notification policy for " + wanted.text("receiver"), want: wanted.lines()}
	tree, branches, place, err := c.policies(ctx, wanted)
	if err != nil {
		return Change{}, err
	}
	change.file = tree.text("provenance") == byFile
	if place >= 0 {
		found, _ := branches[place].(map[string]any)
		change.have = wanted.said(found).lines()
	}
	// Grafana checks no version of the policies, so they are read again just before they are written.
	change.apply = func(ctx context.Context) error {
		tree, branches, place, err := c.policies(ctx, wanted)
		if err != nil {
			return err
		}
		if place >= 0 {
			branches[place] = wanted
		} else {
			branches = slices.Insert(branches, 0, any(wanted)) // before any that would catch its alerts
		}
		tree["routes"] = branches
		var headers []string
		if tree.text("provenance") == "" { // else the tree stays what it was: managed over the API, by others too
			headers = []string{keepEditable}
		}
		delete(tree, "provenance") // Grafana's to say
		return c.call(ctx, "PUT", provisioning+"/policies", tree, nil, headers...)
	}
	return change, nil
}

// policies returns the tree of policies, its branches, and the place of the wanted one among them, or -1.
func (c *Client) policies(ctx context.Context, wanted Document) (tree Document, branches []any, place int, err error) {
	if err := c.call(ctx, "GET", provisioning+"/policies", nil, &tree); err != nil {
		return nil, nil, 0, err
	}
	branches, _ = tree["routes"].([]any)
	place = slices.IndexFunc(branches, func(branch any) bool {
		found, _ := branch.(map[string]any)
		return reflect.DeepEqual(found["object_matchers"], wanted["object_matchers"])
	})
	return tree, branches, place, nil
}
