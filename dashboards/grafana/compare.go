package grafana

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/aymanbagabas/go-udiff"
)

// Wanted is what a Grafana should have. All but the folder is in the form in which its API takes it.
type Wanted struct {
	Folder Folder
	Boards []Document // models of dashboards, each with its uid and title
	// Rules are a group of alert rules, with its title. Rules that Grafana has in the group and that are not
	// here are deleted.
	Rules Document
	// Contact is the contact point of the alerts, with its uid and name. Nil leaves where they go to Grafana,
	// and Policy out of account.
	Contact Document
	// Policy is the branch of the notification policies that sends alerts to Contact. The branch with the same
	// object_matchers is replaced; all others stay as they are.
	Policy Document
}

// Document is a JSON object as package json decodes it.
type Document map[string]any

// NewDocument returns v as JSON has it.
func NewDocument(v any) (Document, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write %T as JSON: %w", v, err)
	}
	var out Document
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("write %T as a JSON object: %w", v, err)
	}
	return out, nil
}

// text is the text under key, and empty where there is none.
func (d Document) text(key string) string {
	text, _ := d[key].(string)
	return text
}

// lines writes d with its keys in order, for people to read and to compare.
func (d Document) lines() []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(d) // what came out of JSON goes into it
	return out.Bytes()
}

// Folder is where boards and rules are. It is created where there is none, and never renamed or moved.
type Folder struct{ UID, Title string }

// Change is one thing that Grafana should have, beside what it has.
type Change struct {
	Name  string // such as "board Sales"
	have  []byte // indented JSON; empty where Grafana has none
	want  []byte
	file  bool // a file of Grafana's own provisioning manages it
	apply func(context.Context) error
}

// Needed says whether Grafana has something else, or nothing.
func (c Change) Needed() bool { return !bytes.Equal(c.have, c.want) }

// New says whether Grafana has nothing of the kind.
func (c Change) New() bool { return len(c.have) == 0 }

// Provisioned says whether a file of Grafana's own provisioning manages the thing. Grafana then refuses Apply.
func (c Change) Provisioned() bool { return c.file }

// Diff is what Apply would change, as a unified diff; empty where nothing.
func (c Change) Diff() string {
	return udiff.Unified("grafana: "+c.Name, "hookline: "+c.Name, string(c.have), string(c.want))
}

// Apply makes the change. It fails, and changes nothing, where a board was changed by somebody else since
// Compare.
func (c Change) Apply(ctx context.Context) error {
	if err := c.apply(ctx); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	return nil
}

// Compare asks Grafana for all that is wanted. It changes nothing. The changes are in the order in which they
// must be applied.
func (c *Client) Compare(ctx context.Context, wanted Wanted) ([]Change, error) {
	folder, err := c.folder(ctx, wanted.Folder)
	if err != nil {
		return nil, err
	}
	changes := []Change{folder}
	for _, model := range wanted.Boards {
		board, err := c.board(ctx, wanted.Folder.UID, model)
		if err != nil {
			return nil, err
		}
		changes = append(changes, board)
	}
	if wanted.Contact != nil {
		contact, err := c.contact(ctx, wanted.Contact)
		if err != nil {
			return nil, err
		}
		policy, err := c.policy(ctx, wanted.Policy)
		if err != nil {
			return nil, err
		}
		changes = append(changes, contact, policy)
	}
	rules, err := c.rules(ctx, wanted.Folder.UID, wanted.Rules, folder.New())
	if err != nil {
		return nil, err
	}
	return append(changes, rules), nil
}

func (c *Client) folder(ctx context.Context, wanted Folder) (Change, error) {
	document := Document{"uid": wanted.UID, "title": wanted.Title}
	change := Change{Name: "folder " + wanted.UID, want: document.lines()}
	change.apply = func(ctx context.Context) error { return c.call(ctx, "POST", "/api/folders", document, nil) }
	switch err := c.call(ctx, "GET", "/api/folders/"+url.PathEscape(wanted.UID), nil, nil); {
	case isNotFound(err):
	case err != nil:
		return Change{}, err
	default:
		change.have = change.want // whatever its title: people may have given it another
	}
	return change, nil
}

// classic asks Grafana 13 for a board in the classic JSON, whatever it is stored in; earlier versions do not know the
// parameter (https://github.com/grafana/grafana/pull/120842).
const classic = "?apiVersion=v0alpha1"

// board compares a whole model, but for what Grafana numbers by itself, and the folder that it is in.
func (c *Client) board(ctx context.Context, folder string, wanted Document) (Change, error) {
	change := Change{Name: "board " + wanted.text("title"), want: placed(wanted, folder).lines()}
	var found struct {
		Dashboard Document
		Meta      struct {
			FolderUID   string
			Provisioned bool
		}
	}
	switch err := c.call(ctx, "GET", "/api/dashboards/uid/"+url.PathEscape(wanted.text("uid"))+classic, nil, &found); {
	case isNotFound(err):
	case err != nil:
		return Change{}, err
	default:
		change.have, change.file = placed(found.Dashboard, found.Meta.FolderUID).lines(), found.Meta.Provisioned
	}
	change.apply = func(ctx context.Context) error {
		save := maps.Clone(wanted)
		if found.Dashboard != nil {
			save["version"] = found.Dashboard["version"] // Grafana refuses where it has another by now
		}
		return c.call(ctx, "POST", "/api/dashboards/db", Document{
			"dashboard": save, "folderUid": folder, "overwrite": false, "message": "hookline dashboards push",
		}, nil)
	}
	return change, nil
}

// placed is a board without what Grafana numbers by itself, and its folder.
func placed(board Document, folder string) Document {
	board = maps.Clone(board)
	delete(board, "id")
	delete(board, "version")
	return Document{"folder": folder, "board": board}
}

// said is the part of found that wanted speaks of: Grafana adds defaults to rules, contact points and policies
// when it stores them. A list is compared whole.
func (d Document) said(found Document) Document {
	out, _ := said(map[string]any(d), map[string]any(found)).(map[string]any)
	return out
}

func said(wanted, found any) any {
	switch wanted := wanted.(type) {
	case map[string]any:
		found, ok := found.(map[string]any)
		if !ok {
			return found
		}
		out := map[string]any{}
		for key := range wanted {
			if value, ok := found[key]; ok {
				out[key] = said(wanted[key], value)
			}
		}
		return out
	case []any:
		found, ok := found.([]any)
		if !ok {
			return found
		}
		out := slices.Clone(found)
		for i := range min(len(wanted), len(found)) {
			out[i] = said(wanted[i], found[i])
		}
		return out
	}
	return found
}
