package vendors

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookline-io/hookline/internal/secret"
)

// compileSecrets reads the secrets that spec refers to. A reference is never printed together with its content.
func (c *compiler) compileSecrets(vendor string, spec *vendorSpec, retries time.Duration) []Key {
	if len(spec.Secrets) == 0 && !strings.HasPrefix(spec.Signature.Keys, "https://") {
		c.fail(spec, "no secrets: add secrets: [env:%s_SECRET], the name of an environment variable, or file:/path", envName(vendor))
	}
	keys := make([]Key, 0, len(spec.Secrets))
	seen := make(map[string]bool)
	for i := range spec.Secrets {
		s := &spec.Secrets[i]
		value, err := c.readSecret(s.From)
		if err != nil {
			c.fail(&s.From, "%s", err)
			continue
		}
		key := Key{ID: value.ID(), Secret: value, Use: Use(s.Use)}
		if key.Use != UseSignature && key.Use != UseHandshake {
			c.fail(&s.Use, "unknown use %q%s", s.Use, suggest(s.Use, []string{string(UseHandshake)}))
		}
		if s.Until != "" {
			if key.Until, err = parseUntil(s.Until); err != nil {
				c.fail(&s.Until, "%s", err)
			}
		}
		if seen[key.ID] {
			c.fail(&s.From, "%s is the same secret as another of %s: remove one", s.From, vendor)
			continue
		}
		seen[key.ID] = true
		keys = append(keys, key)
		if odd := oddity(value.Reveal()); odd != "" {
			c.warn("%s: secret %s %s, which hardly belongs to it: unless the vendor's has it too, every delivery will be refused; write it without", vendor, s.From, odd)
		}
		c.warnExpiry(vendor, s.From, key, retries)
	}
	live := func(k Key) bool { return k.Until.IsZero() || k.Until.After(c.Now()) }
	if len(keys) > 0 && !slices.ContainsFunc(keys, live) {
		c.warn("%s: no secret is live: every delivery will be refused", vendor)
	}
	return keys
}

func (c *compiler) readSecret(from string) (secret.Value, error) {
	return secret.Ref(from).ReadWith(c.Getenv, c.ReadFile)
}

// parseUntil reads the end of a secret's life. A day lasts until it is over in UTC.
func parseUntil(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("until: %q is neither a day (2026-12-31) nor a time (2026-12-31T18:00:00Z)", text)
	}
	return t.UTC(), nil
}

// oddity names what gets into a secret on its way from a vendor's page to ours, and "" where there is none of it. It
// reveals nothing of the secret itself.
func oddity(secret []byte) string {
	const blanks = " \t\r\n\v\f\u00a0\u200b" // those that web pages put beside a text too
	switch {
	case bytes.HasPrefix(secret, []byte("-----BEGIN ")): // around PEM blanks mean nothing
		return ""
	case bytes.HasPrefix(secret, []byte("\ufeff")):
		return "begins with a byte order mark"
	case len(bytes.TrimRight(secret, "\r\n")) < len(secret):
		return "ends with a line break"
	case len(bytes.TrimLeft(secret, blanks)) < len(secret):
		return "begins with a blank"
	case len(bytes.TrimRight(secret, blanks)) < len(secret):
		return "ends with a blank"
	}
	for _, quotes := range []string{`""`, `''`, "``", "“”"} {
		opening, closing := []rune(quotes)[0], []rune(quotes)[1]
		if bytes.HasPrefix(secret, []byte(string(opening))) && bytes.HasSuffix(secret, []byte(string(closing))) && len(secret) > 1 {
			return "stands in quotes"
		}
	}
	return ""
}

// warnExpiry speaks up about a secret that ends before the vendor's last retry of what was signed with it.
func (c *compiler) warnExpiry(vendor, from string, key Key, retries time.Duration) {
	if key.Until.IsZero() {
		return
	}
	left := key.Until.Sub(c.Now())
	switch {
	case left <= 0:
		c.warn("%s: secret %s ended on %s: remove it", vendor, from, key.Until.Format(time.RFC3339))
	case left < retries:
		c.warn("%s: secret %s ends in %s, and the vendor retries for %s: deliveries signed with it may still come after that; end it later unless it has been out of use for so long",
			vendor, from, left.Round(time.Minute), retries)
	}
}

func (c *compiler) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

func envName(vendor string) string { return strings.ToUpper(strings.ReplaceAll(vendor, "-", "_")) }
