package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hookline-io/hookline/internal/secret"
)

// URL is an address that may itself be a secret, as the webhooks of chat tools are: it shows no more than its host
// to who prints or logs it.
type URL string

// String returns the scheme and host.
func (u URL) String() string {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return "[unreadable URL]"
	}
	return parsed.Scheme + "://" + parsed.Host
}

// GoString implements fmt.GoStringer, for %#v.
func (u URL) GoString() string { return u.String() }

// LogValue implements slog.LogValuer.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON and YAML.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// destination is where alerts are sent.
type destination struct {
	name      string
	url       string
	tokenFile string
	resend    time.Duration // how long it remembers an alert that lasts; 0: for good
	body      func([]notification) any
	client    *http.Client
	wake      chan struct{} // has room for one: there may be something to send
}

func destinations(o Options) ([]*destination, error) {
	client := &http.Client{
		Timeout: o.Timeout,
		// A redirect would turn the POST into a GET, which arrives without the alert.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var out []*destination
	add := func(d destination, flag string, address URL) error {
		if address == "" {
			return nil
		}
		u, err := url.Parse(string(address))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("--alert-%s-url: want http://host or https://host, with a port or path where needed", flag)
		}
		if d.name == "alertmanager" {
			u = u.JoinPath("api/v2/alerts")
		}
		d.url, d.client, d.wake = u.String(), client, make(chan struct{}, 1)
		if _, err := d.token(); err != nil {
			return fmt.Errorf("--alert-%s-token-file: %w", flag, err)
		}
		out = append(out, &d)
		return nil
	}
	err := errors.Join(
		add(destination{name: "alertmanager", tokenFile: o.AlertmanagerTokenFile, resend: o.Resend, body: plain}, "alertmanager",
			o.AlertmanagerURL),
		add(destination{name: "webhook", tokenFile: o.WebhookTokenFile, body: func(b []notification) any { return newLetter(b) }},
			"webhook", o.WebhookURL),
	)
	return out, err
}

// plain is the body for Alertmanager: the alerts, whose end says whether they last.
func plain(batch []notification) any {
	out := make([]notification, len(batch))
	for i, one := range batch {
		one.Status = ""
		out[i] = one
	}
	return out
}

func (d *destination) token() (secret.Value, error) {
	if d.tokenFile == "" {
		return secret.Value{}, nil
	}
	content, err := os.ReadFile(d.tokenFile)
	if err != nil {
		return secret.Value{}, fmt.Errorf("read the bearer token: %w", err)
	}
	return secret.New(bytes.TrimSpace(content)), nil
}

// post returns nil once the destination has taken batch. Its errors do not show the URL.
func (d *destination) post(ctx context.Context, batch []message) error {
	payloads := make([]notification, len(batch))
	for i, m := range batch {
		payloads[i] = m.payload
	}
	body, err := json.Marshal(d.body(payloads))
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("make the request: the URL is not valid") // the error would quote it
	}
	req.Header.Set("Content-Type", "application/json")
	token, err := d.token()
	if err != nil {
		return err
	}
	if !token.Empty() {
		req.Header.Set("Authorization", "Bearer "+string(token.Reveal()))
	}
	resp, err := d.client.Do(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		return fmt.Errorf("post alerts: %w", err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // what it says is a help, not needed
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("post alerts: answered %s: %q", resp.Status, strings.TrimSpace(string(answer)))
	}
	return nil
}
