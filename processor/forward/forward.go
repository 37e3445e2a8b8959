package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// forwarder posts events to targets.
type forwarder struct{ client *http.Client }

func newForwarder(g guard, concurrency int) forwarder {
	return forwarder{&http.Client{
		Transport: &http.Transport{
			Proxy:               nil, // a proxy would be what the guard sees, in place of the target
			DialContext:         g.dialer().DialContext,
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConnsPerHost: concurrency,
			IdleConnTimeout:     90 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a target said to one attempt.
type answer struct {
	started time.Time
	took    time.Duration
	status  int   // 0 where there was none
	err     error // nil for 2xx alone
}

// send makes one attempt, within the action's timeout.
func (f forwarder) send(ctx context.Context, e *schemas.Event, a vendors.Action) answer {
	out := answer{started: time.Now()}
	out.status, out.err = f.post(ctx, e, a, out.started)
	out.took = time.Since(out.started)
	return out
}

func (f forwarder) post(ctx context.Context, e *schemas.Event, a vendors.Action, now time.Time) (int, error) {
	bounded, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(bounded, http.MethodPost, a.Forward, bytes.NewReader(e.Data))
	if err != nil {
		return 0, errors.New("the URL is not valid") // the error would quote it, with its query
	}
	if err := setHeaders(req.Header, e, a.Keys, now); err != nil {
		return 0, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		if bounded.Err() != nil && ctx.Err() == nil {
			return 0, fmt.Errorf("no answer within %s", a.Timeout)
		}
		return 0, err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what it says is a help, not needed
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	switch {
	case resp.StatusCode/100 == 2:
		return resp.StatusCode, nil
	case resp.StatusCode/100 == 3:
		return resp.StatusCode, fmt.Errorf("answered %s: redirects are not followed; write the final URL", resp.Status)
	case len(bytes.TrimSpace(text)) > 0:
		return resp.StatusCode, fmt.Errorf("answered %s: %s", resp.Status, strings.ToValidUTF8(string(bytes.TrimSpace(text)), "?"))
	}
	return resp.StatusCode, fmt.Errorf("answered %s", resp.Status)
}

// maxAnswer is how much of an answer is kept as the reason of a failure.
const maxAnswer = 300

// setHeaders describes e in the headers of CloudEvents 1.0 (HTTP binding, binary mode) and signs it by Standard
// Webhooks. webhook-id is the event's ID and the same in every attempt: with it the target tells a repetition from
// news. Vendors choose IDs for themselves, so a target of several vendors must look at ce-source as well.
func setHeaders(h http.Header, e *schemas.Event, keys []vendors.Key, now time.Time) error {
	h.Set("User-Agent", "hookline")
	contentType := e.ContentType
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		contentType = "application/octet-stream"
	}
	h.Set("Content-Type", contentType)
	h.Set("Ce-Specversion", "1.0")
	h.Set("Ce-Id", headerValue(e.ID, ""))
	h.Set("Ce-Source", headerValue("/vendors/"+e.Vendor, ""))
	if e.Type != "" {
		h.Set("Ce-Type", headerValue(e.Type, ""))
	}
	if !e.Time.IsZero() {
		h.Set("Ce-Time", e.Time.UTC().Format(time.RFC3339Nano))
	}
	if e.TraceParent != "" {
		h.Set("Traceparent", headerValue(e.TraceParent, "")) // what the target does belongs to the event's trace
	}
	// The specification: the ID must not be able to hold a full stop, which parts what is signed.
	id := headerValue(e.ID, ".")
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	signature, err := sign(id, now, e.Data, keys)
	if err != nil {
		return err
	}
	if signature != "" {
		h.Set("Webhook-Signature", signature)
	}
	return nil
}

// verdict is what an answer means for an action.
type verdict string

const (
	done  verdict = "done"
	again verdict = "again" // it may pass: try later
	never verdict = "never" // the same request will get the same answer
)

// judge decides what an answer means. It is pure.
func judge(status int, err error) verdict {
	switch {
	case err == nil:
		return done
	case errors.Is(err, errRefused):
		return never
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		// Retry-After is not looked at: every failure has the same delay, so that no event waits behind one that is due
		// much later.
		return again
	case status >= 300 && status < 500:
		return never
	}
	return again
}
