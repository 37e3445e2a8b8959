package preview

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// request is what a page asks for: a board, a range and what was chosen. It arrives as the query part of a
// URL, in Grafana's own form (from, to, var-<name>), and never holds SQL.
type request struct {
	board    board
	from, to string
	shown    Range
	wanted   url.Values
}

func newRequest(b board, query url.Values, now time.Time) (request, error) {
	r := request{board: b, from: query.Get("from"), to: query.Get("to"), wanted: query}
	if r.from == "" || r.to == "" {
		r.from, r.to = b.model.Time.From, b.model.Time.To
	}
	var err error
	r.shown, err = ParseRange(r.from, r.to, now.In(b.zone))
	return r, err
}

// boardView is a board without its figures.
type boardView struct {
	UID         string         `json:"uid"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Refresh     string         `json:"refresh"`
	From        string         `json:"from"`
	To          string         `json:"to"`
	Range       [2]int64       `json:"range"` // milliseconds since 1970
	Zone        string         `json:"zone"`
	Boards      []boardName    `json:"boards"`
	Variables   []variableView `json:"variables"`
	Ranges      []rangeView    `json:"ranges"` // that the board offers
	Links       []linkView     `json:"links"`  // to other ranges
	Panels      []panelView    `json:"panels"`
}

type boardName struct {
	UID   string `json:"uid"`
	Title string `json:"title"`
}

type rangeView struct {
	Display string `json:"display"`
	From    string `json:"from"`
	To      string `json:"to"`
}

type linkView struct {
	Title   string `json:"title"`
	URL     string `json:"url"`
	Tooltip string `json:"tooltip"`
}

type variableView struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"` // query or textbox
	Label       string   `json:"label"`
	Description string   `json:"description"`
	Multi       bool     `json:"multi"`
	IncludeAll  bool     `json:"includeAll"`
	All         bool     `json:"all"`
	Values      []string `json:"values"` // chosen
	Options     []option `json:"options"`
}

type option struct {
	Value string `json:"value"`
	Text  string `json:"text"`
}

type panelView struct {
	ID          uint32             `json:"id"`
	Type        string             `json:"type"`
	Title       string             `json:"title"`
	Description string             `json:"description"`
	GridPos     *dashboard.GridPos `json:"gridPos"`
	NoValue     string             `json:"noValue"`
	Elsewhere   string             `json:"elsewhere,omitempty"` // why the preview has no figures for it
	Options     any                `json:"options"`
}

// view answers a request for a board: it runs the queries of the variables, not those of the panels.
func (r request) view(ctx context.Context, engine Engine, metrics *Metrics) (boardView, error) {
	variables, choices, err := r.variables(ctx, engine, true)
	if err != nil {
		return boardView{}, err
	}
	out := boardView{
		UID: r.board.uid, Title: text(r.board.model.Title), Description: text(r.board.model.Description),
		Refresh: text(r.board.model.Refresh), From: r.from, To: r.to,
		Range: [2]int64{r.shown.From.UnixMilli(), r.shown.To.UnixMilli()}, Zone: r.board.zone.String(),
		Variables: variables, Ranges: []rangeView{}, Links: []linkView{},
	}
	for _, offered := range r.board.model.Timepicker.QuickRanges {
		out.Ranges = append(out.Ranges, rangeView{offered.Display, offered.From, offered.To})
	}
	for _, link := range r.board.model.Links {
		if link.Type == dashboard.DashboardLinkTypeLink {
			out.Links = append(out.Links, linkView{link.Title, text(link.Url), link.Tooltip})
		}
	}
	for _, entry := range r.board.model.Panels {
		if row := entry.RowPanel; row != nil {
			out.Panels = append(out.Panels, panelView{ID: row.Id, Type: "row", Title: text(row.Title), GridPos: row.GridPos})
		}
	}
	for _, panel := range r.board.panels() {
		if panel.Id == nil {
			return boardView{}, fmt.Errorf("panel %q has no ID", text(panel.Title))
		}
		view := panelView{ID: *panel.Id, Type: panel.Type, GridPos: panel.GridPos, Options: panel.Options}
		if view.Title, err = choices.Interpolate(text(panel.Title)); err != nil {
			return boardView{}, err
		}
		if view.Description, err = choices.Interpolate(text(panel.Description)); err != nil {
			return boardView{}, err
		}
		if panel.FieldConfig != nil {
			view.NoValue = text(panel.FieldConfig.Defaults.NoValue)
		}
		if asks(panel, prometheusType) && metrics == nil {
			view.Elsewhere = "Needs metrics: start the preview with --prometheus-url, or with --scrape where there is no Prometheus."
		}
		out.Panels = append(out.Panels, view)
	}
	// As a reader goes: a page that is too narrow for the grid shows the panels one after another.
	slices.SortStableFunc(out.Panels, func(a, b panelView) int {
		return cmp.Or(cmp.Compare(a.GridPos.Y, b.GridPos.Y), cmp.Compare(a.GridPos.X, b.GridPos.X))
	})
	return out, nil
}

// variables returns the board's variables with what was chosen. Their options are asked for where listed
// says so, or where the choice depends on them.
func (r request) variables(ctx context.Context, engine Engine, listed bool) ([]variableView, Choices, error) {
	views := []variableView{}
	choices := Choices{}
	for _, model := range r.board.model.Templating.List {
		wanted := r.wanted["var-"+model.Name]
		var options []option
		all := slices.Contains(wanted, allValue)
		if listed || len(wanted) == 0 || all && text(model.AllValue) == "" {
			var err error
			if options, err = r.options(ctx, engine, model, choices); err != nil {
				return nil, nil, fmt.Errorf("variable %s: %w", model.Name, err)
			}
		}
		choice := choose(model, options, wanted)
		choices[model.Name] = choice
		values := choice.Values
		if choice.All {
			values = []string{}
		}
		views = append(views, variableView{
			Name: model.Name, Type: string(model.Type), Label: text(model.Label), Description: text(model.Description),
			Multi: choice.Multi, IncludeAll: is(model.IncludeAll), All: choice.All, Values: values, Options: options,
		})
	}
	return views, choices, nil
}

// options runs a variable's query: one column is value and text, of two the first is the value. A text box has
// one option, what stands in it at first.
func (r request) options(ctx context.Context, engine Engine, model dashboard.VariableModel, choices Choices) ([]option, error) {
	if model.Type == dashboard.VariableTypeTextbox && model.Query != nil {
		return []option{{Value: text(model.Query.String), Text: text(model.Query.String)}}, nil
	}
	if model.Type != dashboard.VariableTypeQuery || model.Query == nil || model.Query.String == nil {
		return nil, fmt.Errorf("the preview only knows text boxes and variables that a query in SQL answers, not %q", model.Type)
	}
	sql, err := r.sql(*model.Query.String, choices)
	if err != nil {
		return nil, err
	}
	frame, err := engine.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	options := make([]option, 0, frame.rows())
	for row := range frame.rows() {
		value := fmt.Sprint(frame.Fields[0].Values[row])
		entry := option{Value: value, Text: value}
		if len(frame.Fields) > 1 {
			entry.Text = fmt.Sprint(frame.Fields[1].Values[row])
		}
		options = append(options, entry)
	}
	return options, nil
}

// choose decides what a variable stands for: what is wanted, even where it is no option (a link may name a
// vendor that has sold nothing yet); else what the board says; else the first option.
func choose(model dashboard.VariableModel, options []option, wanted []string) Choice {
	choice := Choice{Multi: is(model.Multi), AllValue: text(model.AllValue)}
	if len(wanted) == 0 && model.Current != nil {
		current := model.Current.Value
		if wanted = current.ArrayOfString; current.String != nil && *current.String != "" {
			wanted = []string{*current.String}
		}
	}
	if is(model.IncludeAll) && (slices.Contains(wanted, allValue) || len(wanted) == 0) {
		choice.All = true
		wanted = nil
		for _, entry := range options {
			wanted = append(wanted, entry.Value)
		}
	}
	if len(wanted) == 0 && len(options) > 0 {
		wanted = []string{options[0].Value}
	}
	if len(wanted) == 0 && !choice.Multi {
		wanted = []string{""}
	}
	if !choice.Multi && !choice.All {
		wanted = wanted[:1]
	}
	choice.Values = slices.Clone(wanted)
	for _, value := range choice.Values {
		shown := value
		if at := slices.IndexFunc(options, func(o option) bool { return o.Value == value }); at >= 0 {
			shown = options[at].Text
		}
		choice.Texts = append(choice.Texts, shown)
	}
	return choice
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func is(b *bool) bool { return b != nil && *b }
