// Package grafana brings a Grafana up to date over its HTTP API: a folder, boards, alert rules, and whom they
// tell. It first compares; what is as it should be already is not written again.
//
//	Wanted -> Client.Compare: one Change for each thing, with what Grafana has -> Change.Diff | Change.Apply
//
// The API is the classic one, /api, of Grafana 11 to 13: folders, dashboards in their classic JSON, and the provisioning
// API of alerting (https://grafana.com/docs/grafana/v13.3/developer-resources/api-reference/http-api/api-legacy/).
// Grafana 13 keeps it "fully accessible and operative", stores classic JSON as it is, and converts it to its v2 schema by
// itself where it needs that: see docs/adr/0019.
package grafana

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hookline-io/hookline/internal/secret"
)

// Client talks to one Grafana as one service account.
type Client struct {
	base  *url.URL
	token secret.Value
	http  *http.Client
}

// New returns a client for the Grafana at address, such as https://grafana.example.com or, behind a proxy that
// serves it under a path, https://example.com/grafana. It does not connect yet.
func New(address string, token secret.Value) (*Client, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the address of Grafana must be like https://grafana.example.com")
	}
	if base.User != nil {
		return nil, errors.New("the address of Grafana must not hold a user: make a service account and give its token by reference")
	}
	const timeout = 30 * time.Second
	return &Client{base: base, token: token, http: &http.Client{
		Timeout: timeout,
		// A redirected POST would arrive as a GET, and a token belongs to no other host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Error is an answer of Grafana that is no success.
type Error struct {
	Status  int
	What    string // the request, such as "PUT /api/folders/hookline"
	Message string // Grafana's own words
	hint    string
	foreign bool // the answer is not one that Grafana gives
}

// Error says what was asked, what Grafana answered and what to do about it.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: Grafana answered %d", e.What, e.Status)
	if e.Message != "" {
		text += ", " + e.Message
	}
	return text + ": " + e.hint
}

// hint says what to do about an answer.
func hint(status int, message, location string) string {
	switch {
	case strings.Contains(message, "provisioned dashboard"):
		return "this board comes from a file of Grafana's own provisioning, so change that file, or remove it there and push again"
	case strings.Contains(message, "refresh interval"):
		return "its min_refresh_interval is longer than that of a board of ours; set it to 5s or less"
	case status == http.StatusNotAcceptable:
		return "somebody saved this board in Grafana's v2 schema, which this version cannot give back in the classic one; delete the board in Grafana and push again"
	case strings.Contains(message, "provenance"):
		return "this is managed by other means, such as a file of Grafana's own provisioning; change it there, or remove it there and push again"
	case status == http.StatusUnauthorized:
		return "it does not accept the token; make a new one under Administration, Service accounts"
	case status == http.StatusForbidden:
		return "the token's service account may not do this; give it the role Admin, or the permissions named"
	case status == http.StatusNotFound:
		return "is this Grafana's own address, with the path that it is served under?"
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return "somebody changed it at the same time; look at it with diff, then push again"
	case status == http.StatusTooManyRequests:
		return "try again later; pushing twice does no harm"
	case status >= http.StatusInternalServerError:
		return "its log says why; push again when it is well, which goes on where this ended"
	case location != "":
		return "it redirects to " + location + "; give the address that it should be reached at"
	}
	return "is it Grafana 11 or later?"
}

// Version is Grafana's own, such as 13.0.1, and empty where it does not say: it hides its version from strangers if it is
// configured to (https://grafana.com/docs/grafana/latest/developers/http_api/other/#health-api).
func (c *Client) Version(ctx context.Context) (string, error) {
	var health struct{ Version string }
	err := c.call(ctx, "GET", "/api/health", nil, &health)
	return health.Version, err
}

// isNotFound says that Grafana does not have what was asked for.
func isNotFound(err error) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound && !answer.foreign
}

// call sends in as JSON, if any, and decodes the answer into out, if any.
func (c *Client) call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	what := method + " " + path
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		body = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base.String(), body)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	// The parts of path are escaped already, so that an ID with a slash stays one part.
	if request.URL, err = url.Parse(strings.TrimSuffix(c.base.String(), "/") + path); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+string(c.token.Reveal()))
	for _, name := range headers {
		request.Header.Set(name, "true")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("%s: Grafana cannot be reached: %w", what, err)
	}
	defer response.Body.Close()
	const limit = 16 << 20
	raw, err := io.ReadAll(io.LimitReader(response.Body, limit))
	if err != nil {
		return fmt.Errorf("%s: read the answer: %w", what, err)
	}
	if response.StatusCode/100 != 2 {
		return refused(what, response, raw)
	}
	if out == nil {
		return nil
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "application/json" {
		return fmt.Errorf("%s: the answer is %q and not JSON: is this Grafana's own address, and not a login page in front of it?", what, kind)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s: read the answer: %w", what, err)
	}
	return nil
}

// refused makes an Error of an answer. Grafana's own errors are JSON with a message, or empty.
func refused(what string, response *http.Response, raw []byte) error {
	var said struct{ Message string }
	foreign := len(raw) > 0 && json.Unmarshal(raw, &said) != nil
	const most = 300
	if len(said.Message) > most {
		said.Message = strings.ToValidUTF8(said.Message[:most], "") + "…"
	}
	return &Error{
		Status: response.StatusCode, What: what, Message: said.Message, foreign: foreign,
		hint: hint(response.StatusCode, said.Message, response.Header.Get("Location")),
	}
}
