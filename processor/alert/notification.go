package alert

import (
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// notification is one alert as Alertmanager's API v2 takes it
// (https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, postableAlert).
type notification struct {
	Status      string            `json:"status,omitempty"` // firing or resolved; only for the webhook
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt,omitzero"`
}

const (
	firing   = "firing"
	resolved = "resolved"
)

// maxAnnotation bounds a text that may quote what a failing server said.
const maxAnnotation = 4 << 10

// notification says what there is to say of e now; n.mu is held.
func (n *Notifier) notification(e *entry, now time.Time) notification {
	out := notification{
		Status: firing,
		Labels: map[string]string{"alertname": e.Name, "severity": string(e.Severity), "service": n.service, "instance": n.options.Instance},
		Annotations: map[string]string{
			"summary": clip(e.Summary), "description": clip(e.Details), "occurrences": strconv.Itoa(e.count),
		},
		StartsAt: e.starts.UTC(),
	}
	if e.Key != e.Name {
		out.Labels["key"] = e.Key // Alertmanager knows alerts apart by their labels alone
	}
	maps.Copy(out.Labels, e.Labels)
	switch {
	case !e.ends.IsZero():
		out.Status, out.EndsAt = resolved, e.ends.UTC()
	case e.Lasts > 0:
		// From now, not from when it happened: Alertmanager would take an alert that is over for resolved, and tell
		// nobody, however late it hears of it.
		out.EndsAt = now.Add(e.Lasts).UTC()
	default:
		// As Prometheus does: should this process die, the alert ends after four times that it was not heard of.
		out.EndsAt = now.Add(4 * n.options.Resend).UTC()
	}
	return out
}

func clip(text string) string {
	if len(text) > maxAnnotation {
		text = text[:maxAnnotation] + "…"
	}
	return defused.Replace(strings.Map(visible, strings.ToValidUTF8(text, "")))
}

// visible drops what no reader sees and what changes the order in which text is shown.
func visible(r rune) rune {
	if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
		return -1
	}
	return r
}

// gap is a space without width.
const gap = "\u200b"

// defused takes the meaning that chat tools see from what a text quotes, which may come out of a vendor's payload:
// mentions (<!channel>, @all) and links under another name (<https://…|name>, [name](https://…)). Alertmanager hands
// annotations on to chat tools as they are.
//
//nolint:gochecknoglobals // it does not change
var defused = strings.NewReplacer("<", "<"+gap, "@", "@"+gap, "](", "]"+gap+"(")

// escaped is for text as Slack and those who copied it take it:
// https://docs.slack.dev/messaging/formatting-message-text/#escaping
//
//nolint:gochecknoglobals // it does not change
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// letter is the body that the webhook gets. The field text is what chat tools' incoming webhooks show (Slack,
// Mattermost, Rocket.Chat, Google Chat).
type letter struct {
	Status string         `json:"status"` // firing where one of the alerts is
	Text   string         `json:"text"`
	Alerts []notification `json:"alerts"`
}

func newLetter(batch []notification) letter {
	out := letter{Status: resolved, Alerts: make([]notification, len(batch))}
	lines := make([]string, len(batch))
	for i, one := range batch {
		if one.Status == firing {
			out.Status = firing
			one.EndsAt = time.Time{} // the webhook is notified once: what Alertmanager may forget does not concern it
			lines[i] = one.Annotations["summary"] + "\n" + one.Annotations["description"]
		} else {
			lines[i] = "over: " + one.Annotations["summary"]
		}
		out.Alerts[i] = one
	}
	out.Text = escaped.Replace(strings.Join(lines, "\n\n"))
	return out
}
