package signature_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/internal/secret"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/schemas/vendors"
)

// vector is one delivery with the verdict that a right receiver gives.
type vector struct {
	Scheme     string
	Preset     string            // whose signature it is, in place of the scheme
	Signature  map[string]string // as in vendors.yaml, in place of the scheme
	Name       string
	Grade      string // must: scored; either, unsettled: listed
	Valid      bool
	Method     string
	URL        string
	Headers    [][2]string
	Body       string
	BodyBase64 string `json:"body_base64"`
	Secret     string
	Context    struct {
		VerifyToken  string `json:"verify_token"`
		CertPEM      string `json:"cert_pem"`
		PublicKeyPEM string `json:"public_key_pem"`
	}
	Now            *int64
	ExpectResponse *struct {
		Status       int
		Body         *string
		BodyContains string `json:"body_contains"`
		JSON         any
		ContentType  string `json:"content_type"`
	} `json:"expect_response"`
}

// schemeNames maps the vectors' names for schemes to ours, where they differ.
var schemeNames = map[string]string{
	"plain-hub-signature":   "hub",
	"github-sha256":         "github",
	"standard-webhooks-v1":  "standard-webhooks",
	"standard-webhooks-v1a": "standard-webhooks",
	"svix":                  "standard-webhooks",
	"hubspot-v3":            "hubspot",
}

func TestVectors(t *testing.T) {
	t.Run("ours", func(t *testing.T) {
		runVectors(t, filepath.Join(testkit.Root(t), "schemas", "testdata", "vectors", "*.json"))
	})
	t.Run("shared", func(t *testing.T) { runVectors(t, filepath.Join(testkit.Vectors(t), "vectors.json")) })
}

func runVectors(t *testing.T, pattern string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s (%v)", pattern, err)
	}
	var unscored []string
	scored := map[bool]int{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var all []vector
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, v := range all {
			t.Run(v.Scheme+"/"+v.Name, func(t *testing.T) {
				verdict, detail := judge(t, v)
				switch {
				case v.Grade != "must":
					unscored = append(unscored, fmt.Sprintf("%-9s %s/%s: accepted %v, vector says %v", v.Grade, v.Scheme, v.Name, verdict, v.Valid))
				case verdict != v.Valid:
					t.Errorf("accepted = %v (%s), want %v", verdict, detail, v.Valid)
				default:
					scored[v.Valid]++
				}
			})
		}
	}
	sort.Strings(unscored)
	t.Logf("must: %d agree (%d valid, %d invalid); listed, not scored: %d\n%s",
		scored[true]+scored[false], scored[true], scored[false], len(unscored), strings.Join(unscored, "\n"))
}

// judge says whether we accept the vector's delivery, and why not.
func judge(t *testing.T, v vector) (accepted bool, detail string) {
	t.Helper()
	name := v.Scheme
	if ours, ok := schemeNames[name]; ok {
		name = ours
	}
	sig := v.signature(t, name)
	if _, err := signature.DescribeSignature(sig); err != nil {
		t.Fatal(err)
	}
	r := v.request(t)
	before := *r
	before.Header, before.Body = r.Header.Clone(), bytes.Clone(r.Body)
	verifier, err := signature.New(sig, v.keys(), v.certs(t))
	if err != nil {
		if v.Secret != "" {
			t.Fatalf("New: %v", err)
		}
		return false, err.Error() // refusing to start without a secret refuses every delivery
	}
	result, err := verifier.Verify(r)
	if !reflect.DeepEqual(*r, before) {
		t.Error("Verify changed the request")
	}
	var refusal *signature.Error
	if err != nil && !errors.As(err, &refusal) {
		t.Errorf("Verify: %v is no *Error", err)
	}
	v.checkResponse(t, result, refusal)
	return err == nil, fmt.Sprint(err)
}

// signature is what vendors.yaml would say of the vector.
func (v vector) signature(t *testing.T, scheme string) vendors.Signature {
	if v.Preset != "" {
		for _, p := range vendors.Presets() {
			if p.Name == v.Preset {
				return p.Signature
			}
		}
		t.Fatalf("no preset %q", v.Preset)
	}
	sig := vendors.Signature{Scheme: scheme}
	if v.Signature != nil {
		text, err := yaml.Marshal(v.Signature)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Load(text, &sig, yaml.WithKnownFields()); err != nil {
			t.Fatal(err)
		}
	}
	return sig
}

func (v vector) request(t *testing.T) *signature.Request {
	r := &signature.Request{Method: v.Method, URL: v.URL, Header: http.Header{}, Body: []byte(v.Body), Now: now}
	if v.BodyBase64 != "" {
		var err error
		if r.Body, err = base64.StdEncoding.DecodeString(v.BodyBase64); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range v.Headers {
		r.Header.Add(h[0], h[1])
	}
	if v.Now != nil {
		r.Now = time.Unix(*v.Now, 0)
	}
	return r
}

func (v vector) keys() []vendors.Key {
	var keys []vendors.Key
	if v.Secret != "" {
		keys = append(keys, vendors.Key{ID: "k1", Secret: secret.New([]byte(v.Secret))})
	}
	if v.Context.VerifyToken != "" {
		keys = append(keys, vendors.Key{ID: "k2", Secret: secret.New([]byte(v.Context.VerifyToken)), Use: vendors.UseHandshake})
	}
	return keys
}

// certs stands in for the network only: the vector names the key that the certificate's URL leads to.
func (v vector) certs(t *testing.T) signature.CertSource {
	text := v.Context.CertPEM + v.Context.PublicKeyPEM
	if text == "" {
		return nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("context holds no PEM")
	}
	if block.Type == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return fixedCert{cert.PublicKey.(*rsa.PublicKey)}
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return fixedCert{public.(*rsa.PublicKey)}
}

type fixedCert struct{ key *rsa.PublicKey }

func (f fixedCert) PublicKey(string, time.Time) (*rsa.PublicKey, error) { return f.key, nil }

// checkResponse holds the challenge, or the refusal's status, against expect_response.
func (v vector) checkResponse(t *testing.T, result signature.Result, refusal *signature.Error) {
	want := v.ExpectResponse
	switch {
	case want == nil:
		if result.Challenge != nil && v.Grade == "must" {
			t.Errorf("answers a challenge that is none: %d %q", result.Challenge.Status, result.Challenge.Body)
		}
		return
	case refusal != nil:
		if status := refusal.Status; status != want.Status && !(status == 0 && want.Status == http.StatusForbidden) {
			t.Errorf("refused with status %d, want %d", status, want.Status)
		}
		return
	case result.Challenge == nil:
		t.Error("no challenge in the result")
		return
	}
	got := result.Challenge
	if got.Status != want.Status {
		t.Errorf("status %d, want %d", got.Status, want.Status)
	}
	if want.Body != nil && string(got.Body) != *want.Body {
		t.Errorf("body %q, want %q", got.Body, *want.Body)
	}
	if !strings.Contains(string(got.Body), want.BodyContains) {
		t.Errorf("body %q does not contain %q", got.Body, want.BodyContains)
	}
	if !strings.HasPrefix(got.ContentType, want.ContentType) {
		t.Errorf("content type %q, want %q", got.ContentType, want.ContentType)
	}
	if want.JSON != nil {
		var doc any
		if err := json.Unmarshal(got.Body, &doc); err != nil || !reflect.DeepEqual(doc, want.JSON) {
			t.Errorf("body %q, want JSON %v", got.Body, want.JSON)
		}
	}
}
