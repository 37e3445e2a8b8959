package vendors

import (
	"encoding/base64"
	"errors"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/internal/secret"
)

// Action is what else an event triggers: its body is forwarded to a URL.
type Action struct {
	Forward string        // the URL: http or https, no credentials in it
	Target  string        // Forward without its query: what results, metrics and messages call it
	Timeout time.Duration // for one attempt
	Keys    []Key         // sign the request by Standard Webhooks, all that are live; Secret is the key decoded. None: it is not signed
}

// Name tells a vendor's actions for one event type apart: "forward http://host/path". It stays the same while the
// query, the timeout or the secret change.
func (a Action) Name() string { return "forward " + a.Target }

// Actions returns what else an event of that type triggers. The caller must not change it.
func (v *Vendor) Actions(eventType string) []Action { return v.actions.of(eventType) }

// AllActions yields every action with the event type, or the pattern of types, that triggers it.
func (v *Vendor) AllActions() iter.Seq2[string, Action] {
	return func(yield func(string, Action) bool) {
		for typ, actions := range v.actions.all() {
			for _, a := range actions {
				if !yield(typ, a) {
					return
				}
			}
		}
	}
}

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = time.Minute // a stop waits for what is in flight
)

func (c *compiler) compileActions(spec *vendorSpec) (out byType[[]Action]) {
	for _, typ := range slices.Sorted(maps.Keys(spec.Actions)) {
		list := spec.Actions[typ]
		actions := make([]Action, 0, len(*list))
		for _, a := range *list {
			if a == nil {
				c.fail(list, "an item of this list is empty")
				continue
			}
			action := c.compileAction(a)
			for _, other := range actions {
				if action.Target != "" && action.Target == other.Target {
					c.fail(&a.Forward, "%s gets these events already: remove one (a query does not make it another target)", action.Target)
				}
			}
			actions = append(actions, action)
		}
		if !out.add(typ, actions) {
			c.fail(list, "%q: a pattern has one *", typ)
		}
	}
	return out
}

func (c *compiler) compileAction(spec *actionSpec) Action {
	a := Action{Forward: spec.Forward, Timeout: spec.Timeout}
	if spec.Forward == "" {
		c.fail(spec, "an action needs forward: the URL that gets the event")
	} else if u, err := parseTarget(spec.Forward); err != nil {
		c.fail(&spec.Forward, "%s", err) // it quotes nothing of the URL, which may hold a password
	} else {
		u.RawQuery, u.ForceQuery = "", false
		a.Target = u.String()
	}
	switch {
	case a.Timeout == 0:
		a.Timeout = defaultTimeout
	case a.Timeout > maxTimeout:
		c.fail(&spec.Timeout, "a timeout of more than %s: a target that takes so long should accept the event first and work on it afterwards", maxTimeout)
	}
	if !c.ActionSecrets {
		return a
	}
	if len(spec.Secret) == 0 {
		c.warn("%s has no secret: its requests are not signed", a.Name())
	}
	for i := range spec.Secret {
		if key, ok := c.compileActionKey(&spec.Secret[i]); ok {
			a.Keys = append(a.Keys, key)
		}
	}
	return a
}

func parseTarget(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("not a URL: write it like http://fulfilment.internal/hooks")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("write the URL in full, like http://fulfilment.internal/hooks")
	case u.User != nil:
		return nil, errors.New("no user and password in the URL: they would be in the log and the results; sign the requests with a secret instead")
	case u.Fragment != "":
		return nil, errors.New("the part after # is never sent: remove it")
	}
	return u, nil
}

func (c *compiler) compileActionKey(spec *secretSpec) (Key, bool) {
	text, err := c.readSecret(spec.From)
	if err != nil {
		c.fail(&spec.From, "%s", err)
		return Key{}, false
	}
	raw, err := decodeSigningSecret(string(text.Reveal()))
	if err != nil {
		c.fail(&spec.From, "secret %s: %s", spec.From, err)
		return Key{}, false
	}
	key := Key{ID: text.ID(), Secret: secret.New(raw)}
	if spec.Until != "" {
		if key.Until, err = parseUntil(spec.Until); err != nil {
			c.fail(&spec.Until, "%s", err)
		}
	}
	return key, true
}

// decodeSigningSecret reads a symmetric secret as Standard Webhooks writes it, whsec_ and base64 of 24 to 64 bytes
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme).
// Its errors do not quote it.
func decodeSigningSecret(text string) ([]byte, error) {
	encoded := strings.TrimRight(strings.TrimPrefix(strings.TrimSpace(text), "whsec_"), "=")
	raw, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(raw) < 24 || len(raw) > 64 {
		return nil, errors.New(`must be whsec_ and the base64 of 24 to 64 random bytes; make one with: echo "whsec_$(openssl rand -base64 32)"`)
	}
	return raw, nil
}
