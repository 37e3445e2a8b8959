package signature

import (
	"strings"
	"time"
)

// hubspotRules: three versions, each a scheme of its own, so that none can stand in for a stronger one.
func hubspotRules() []rule {
	v3 := rule{
		scheme:    "hubspot",
		names:     []headerNames{{signature: "X-HubSpot-Signature-v3", timestamp: "X-HubSpot-Request-Timestamp"}},
		template:  "{method}{url}{body}{timestamp}",
		fields:    map[string]field{"url": hubspotURL},
		algorithm: hmacSHA256(),
		encoding:  base64Std(),
		clock:     unixMillis(),
		tolerance: 5 * time.Minute,
		secret:    textSecret("the app's client secret"),
		note:      "Signs the URL: set url where a proxy changes it.",
		source:    "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
	}
	v2 := rule{
		scheme:    "hubspot-v2",
		names:     []headerNames{{signature: "X-HubSpot-Signature"}},
		template:  "{method}{url}{body}",
		algorithm: secretThenSHA256(),
		encoding:  hexLower(),
		secret:    v3.secret,
		note:      "Signs no time. " + v3.note,
		source:    v3.source,
	}
	v1 := v2
	v1.scheme = "hubspot-v1"
	v1.template = "{body}"
	v1.note = "A plain hash after the secret, which is open to length extension: prefer hubspot (v3)."
	return []rule{v3, v2, v1}
}

// hubspotURL is the URL with the twelve escapes decoded that HubSpot's page lists, and no other.
func hubspotURL(dst []byte, c *content) []byte {
	const escapes, plain = "%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", ":/?@!$'()*,;"
	for rest := c.url; rest != ""; {
		before, _, found := strings.Cut(rest, "%")
		dst = append(dst, before...)
		if !found {
			break
		}
		rest = rest[len(before):]
		at := -1
		if len(rest) >= 3 {
			at = strings.Index(escapes, strings.ToUpper(rest[:3]))
		}
		if at < 0 {
			dst = append(dst, '%')
			rest = rest[1:]
			continue
		}
		dst = append(dst, plain[at/3])
		rest = rest[3:]
	}
	return dst
}
