package signature_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const jwsBody = `{"id":"evt_1","amount":1999}`

// jwt signs claims; change may set header members.
func jwt(t testing.TB, a jose.SignatureAlgorithm, key any, claims map[string]any, header map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for name, value := range header {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: a, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	token, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := token.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func bearer(token string) *signature.Request {
	return &signature.Request{
		Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/v", Body: []byte(jwsBody), Now: now,
		Header: http.Header{"Authorization": {"Bearer " + token}},
	}
}

func publicPEM(t testing.TB, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// TestJWSClaims: a token is taken for our audience, from its issuer, in its time and for this body, and not otherwise.
func TestJWSClaims(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(jwsBody))
	v := newVerifier(t, vendors.Signature{
		Scheme: "jws", Prefix: "Bearer ", Algorithm: "ES256", Issuer: "https://issuer.example", Audience: "{url}", Binds: "claim:body_sha256",
	}, newKey("k", publicPEM(t, &key.PublicKey)))
	good := func() map[string]any {
		return map[string]any{
			"iss": "https://issuer.example", "aud": "https://hooks.example.com/webhooks/v", "iat": now.Unix(), "exp": now.Unix() + 60,
			"body_sha256": hex.EncodeToString(sum[:]),
		}
	}
	for what, c := range map[string]struct {
		change  map[string]any
		reasons []signature.Reason // none: it is taken
	}{
		"as it should be":                 {nil, nil},
		"audience in a list":              {map[string]any{"aud": []string{"x", "https://hooks.example.com/webhooks/v"}}, nil},
		"no expiry":                       {map[string]any{"exp": nil}, nil},
		"expired within the leeway":       {map[string]any{"exp": now.Unix() - 59}, nil},
		"expired":                         {map[string]any{"exp": now.Unix() - 61}, []signature.Reason{signature.ReasonStale}},
		"not valid yet":                   {map[string]any{"nbf": now.Unix() + 61}, []signature.Reason{signature.ReasonStale}},
		"another audience":                {map[string]any{"aud": "https://other.example"}, []signature.Reason{signature.ReasonMismatch}},
		"audience as a prefix":            {map[string]any{"aud": "https://hooks.example.com/webhooks/v2"}, []signature.Reason{signature.ReasonMismatch}},
		"no audience":                     {map[string]any{"aud": nil}, []signature.Reason{signature.ReasonMismatch}},
		"audience that is a number":       {map[string]any{"aud": 7}, []signature.Reason{signature.ReasonMalformed}},
		"another issuer":                  {map[string]any{"iss": "https://evil.example"}, []signature.Reason{signature.ReasonMismatch}},
		"for another body":                {map[string]any{"body_sha256": strings.Repeat("0", 64)}, []signature.Reason{signature.ReasonMismatch}},
		"for no body":                     {map[string]any{"body_sha256": nil}, []signature.Reason{signature.ReasonMismatch}},
		"expiry that is a text":           {map[string]any{"exp": "tomorrow"}, []signature.Reason{signature.ReasonMalformed}},
		"expiry beyond any time":          {map[string]any{"exp": 1e300}, nil},
		"expiry before there was any":     {map[string]any{"exp": -1e300}, []signature.Reason{signature.ReasonStale}},
		"expiry of a fraction, in leeway": {map[string]any{"exp": float64(now.Unix()) - 59.5}, nil},
	} {
		claims := good()
		for name, value := range c.change {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		result, err := v.Verify(bearer(jwt(t, jose.ES256, key, claims, nil)))
		if c.reasons != nil {
			wantRefusal(t, what, err, c.reasons...)
		} else if err != nil || result.Proof != schemas.ProofBody {
			t.Errorf("%s: %+v, %v", what, result, err)
		}
	}
}

// TestJWSConfusion: no token that the key did not sign with an algorithm that is allowed.
func TestJWSConfusion(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	public := publicPEM(t, &rsaKey.PublicKey)
	claims := map[string]any{"sub": "x"}
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"x"}`))
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	good := jwt(t, jose.RS256, rsaKey, claims, nil)
	parts := strings.Split(good, ".")
	embedded := jose.JSONWebKey{Key: &other.PublicKey, KeyID: "k"}
	for what, token := range map[string]string{
		"none":                        header(`{"alg":"none"}`) + "." + payload + ".",
		"None":                        header(`{"alg":"None"}`) + "." + payload + ".",
		"no algorithm":                header(`{}`) + "." + payload + "." + parts[2],
		"the public key as a secret":  jwt(t, jose.HS256, []byte(public), claims, nil),
		"another algorithm of RSA":    jwt(t, jose.PS256, rsaKey, claims, nil),
		"another kind of key":         jwt(t, jose.ES256, ecKey, claims, nil),
		"a key that the token brings": jwt(t, jose.ES256, other, claims, map[string]any{"jwk": embedded}),
		"two algorithms":              header(`{"alg":"RS256","alg":"none"}`) + "." + payload + "." + parts[2],
		"an unknown critical header":  header(`{"alg":"RS256","crit":["x"],"x":1}`) + "." + payload + "." + parts[2],
		"another payload":             parts[0] + "." + header(`{"sub":"y"}`) + "." + parts[2],
		"no signature":                parts[0] + "." + parts[1] + ".",
		"two parts":                   parts[0] + "." + parts[1],
		"four parts":                  good + ".x",
		"JSON form":                   `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"a header of 64 KB":           header(`{"alg":"RS256","x":"`+strings.Repeat("x", 64<<10)+`"}`) + "." + payload + "." + parts[2],
		"a header of 10 000 lists":    header(`{"alg":"RS256","x":`+strings.Repeat("[", 10_000)+`}`) + "." + payload + "." + parts[2],
		"not base64":                  "!." + payload + "." + parts[2],
		"a line break":                parts[0] + "\n." + parts[1] + "." + parts[2],
	} {
		_, err := newVerifier(t, vendors.Signature{Scheme: "jws", Prefix: "Bearer ", Algorithm: "RS256"}, newKey("k", public)).Verify(bearer(token))
		wantRefusal(t, what, err, signature.ReasonMalformed, signature.ReasonMismatch)
	}
	if _, err := newVerifier(t, vendors.Signature{Scheme: "jws", Prefix: "Bearer ", Algorithm: "RS256"}, newKey("k", public)).Verify(bearer(good)); err != nil {
		t.Errorf("the token that was signed: %v", err)
	}
	for what, c := range map[string]struct {
		sig  vendors.Signature
		key  string
		want string
	}{
		"a public key for HS256":    {vendors.Signature{Algorithm: "HS256"}, public, "public key"},
		"mixed":                     {vendors.Signature{Algorithm: "HS256 RS256"}, public, "cannot be mixed"},
		"none":                      {vendors.Signature{Algorithm: "none"}, public, "unknown algorithm"},
		"HS256 with a JWKS":         {vendors.Signature{Algorithm: "HS256", Keys: "https://keys.example/jwks"}, "x", "public"},
		"a JWKS over http":          {vendors.Signature{Keys: "http://keys.example/jwks"}, "x", "https"},
		"a small key":               {vendors.Signature{Algorithm: "RS256"}, smallRSA(t, 1024), "1024 bits"},
		"an oversized key":          {vendors.Signature{Algorithm: "RS256"}, smallRSA(t, 16384), "16384 bits"},
		"a root that is none":       {vendors.Signature{Keys: "x5c"}, public, "certificate"},
		"a purpose that is no OID":  {vendors.Signature{Keys: "x5c:apple"}, public, "object identifier"},
		"a body that binds itself":  {vendors.Signature{At: "body", Binds: "detached"}, public, "binds"},
		"binds that says something": {vendors.Signature{Binds: "all"}, public, "binds"},
	} {
		c.sig.Scheme = "jws"
		_, err := signature.New(c.sig, []vendors.Key{newKey("k", c.key)}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", what, err, c.want)
		}
	}
}

// smallRSA is a public key of so many bits that nobody could sign with.
func smallRSA(t testing.TB, bits uint) string {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return publicPEM(t, &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537})
}

// keyServer stands in for a vendor's JWKS.
type keyServer struct {
	set   jose.JSONWebKeySet
	down  bool
	asked atomic.Int64
}

func (k *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	k.asked.Add(1)
	if k.down || r.URL.String() != "https://keys.example/jwks" {
		return nil, errors.New("down")
	}
	body, err := json.Marshal(k.set)
	return &http.Response{
		StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(body))), Header: http.Header{"Cache-Control": {"public, max-age=600"}},
	}, err
}

// TestKeySet: keys are fetched once, again when a vendor rotates them, and never as often as strangers like; those that were
// good stay so while the vendor's site is down.
func TestKeySet(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	next, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	publish := func(id string, k *ecdsa.PrivateKey, use, algorithm string) jose.JSONWebKey {
		return jose.JSONWebKey{Key: &k.PublicKey, KeyID: id, Use: use, Algorithm: algorithm}
	}
	server := &keyServer{set: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		publish("one", key, "sig", "ES256"), publish("enc", key, "enc", ""), publish("other", key, "sig", "ES384"),
	}}}
	v, err := signature.New(vendors.Signature{Scheme: "jws", Prefix: "Bearer ", Keys: "https://keys.example/jwks"}, nil, signature.NewCertClient(server, nil))
	if err != nil {
		t.Fatal(err)
	}
	token := func(id string, k *ecdsa.PrivateKey) *signature.Request {
		return bearer(jwt(t, jose.ES256, k, map[string]any{"exp": now.Unix() + 1e6}, map[string]any{"kid": id}))
	}
	take := func(what string, r *signature.Request) {
		t.Helper()
		if result, err := v.Verify(r); err != nil || result.Proof != schemas.ProofWeak {
			t.Errorf("%s: %+v, %v", what, result, err)
		}
	}
	take("the first", token("one", key))
	take("the second", token("one", key))
	if n := server.asked.Load(); n != 1 {
		t.Errorf("%d fetches for two tokens", n)
	}
	for _, id := range []string{"two", "enc", "other", "../one", "one\x00", "https://evil.example/jwks"} {
		_, err := v.Verify(token(id, key))
		wantRefusal(t, "kid "+id, err, signature.ReasonMismatch)
	}
	_, err = v.Verify(bearer(jwt(t, jose.ES256, key, map[string]any{}, nil)))
	wantRefusal(t, "no kid", err, signature.ReasonMalformed)
	_, err = v.Verify(token("one", next))
	wantRefusal(t, "signed by another", err, signature.ReasonMismatch)
	if n := server.asked.Load(); n != 1 {
		t.Errorf("%d fetches within a minute of the first", n)
	}
	server.set.Keys = append(server.set.Keys, publish("two", next, "", ""))
	rotated := token("two", next)
	rotated.Now = now.Add(2 * time.Minute)
	take("a key that is new", rotated)
	if n := server.asked.Load(); n != 2 {
		t.Errorf("%d fetches after a rotation", n)
	}
	server.down = true
	for i := range 50 {
		r := token(fmt.Sprint("made up ", i), key)
		r.Now = now.Add(3*time.Minute + time.Duration(i)*time.Second)
		_, err := v.Verify(r)
		wantRefusal(t, "made up", err, signature.ReasonMismatch)
	}
	if n := server.asked.Load(); n > 4 {
		t.Errorf("%d fetches for what strangers made up", n)
	}
	late := token("two", next)
	late.Now = now.Add(20 * time.Hour)
	take("while the vendor is down", late)
	late.Now = now.Add(100 * time.Hour)
	_, err = v.Verify(late)
	wantRefusal(t, "days later", err, signature.ReasonCertificate)
}

// chain makes a root, an intermediate and a leaf with an extension of oid.
func chain(t testing.TB, oid asn1.ObjectIdentifier) (root *x509.Certificate, x5c []string, leafKey *ecdsa.PrivateKey) {
	t.Helper()
	var parent *x509.Certificate
	var parentKey *ecdsa.PrivateKey
	for i, name := range []string{"root", "intermediate", "leaf"} {
		key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			BasicConstraintsValid: true, IsCA: i < 2, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		}
		if i == 2 {
			template.KeyUsage = x509.KeyUsageDigitalSignature
			template.ExtraExtensions = []pkix.Extension{{Id: oid, Value: []byte{5, 0}}}
		}
		if parent == nil {
			parent, parentKey = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		if parent, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		if parentKey = key; i == 0 {
			root = parent
		}
		x5c = append([]string{base64.StdEncoding.EncodeToString(der)}, x5c...)
	}
	return root, x5c, parentKey
}

// TestJWSChain: a token with its chain, as the App Store sends, in a member of the body.
func TestJWSChain(t *testing.T) {
	oid := asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 11, 1}
	root, x5c, key := chain(t, oid)
	other, _, _ := chain(t, oid)
	body := func(header map[string]any, k *ecdsa.PrivateKey) *signature.Request {
		text := `{"signedPayload":"` + jwt(t, jose.ES256, k, map[string]any{"notificationUUID": "1"}, header) + `"}`
		return &signature.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(text), Now: now}
	}
	sig := vendors.Signature{Scheme: "jws", At: "body:signedPayload", Algorithm: "ES256", Keys: "x5c:1.2.840.113635.100.6.11.1"}
	rootPEM := func(c *x509.Certificate) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	v := newVerifier(t, sig, newKey("k", rootPEM(root)))
	good := body(map[string]any{"x5c": x5c}, key)
	if result, err := v.Verify(good); err != nil || result.Proof != schemas.ProofFields {
		t.Errorf("a good chain: %+v, %v", result, err)
	}
	der := newVerifier(t, sig, newKey("k", base64.StdEncoding.EncodeToString(root.Raw)))
	if _, err := der.Verify(good); err != nil {
		t.Errorf("the root as DER: %v", err)
	}
	_, err := newVerifier(t, sig, newKey("k", rootPEM(other))).Verify(good)
	wantRefusal(t, "another root", err, signature.ReasonMismatch)
	sig.Keys = "x5c:1.2.3"
	_, err = newVerifier(t, sig, newKey("k", rootPEM(root))).Verify(good)
	wantRefusal(t, "another purpose", err, signature.ReasonMismatch)
	stranger, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, err = v.Verify(body(map[string]any{"x5c": x5c}, stranger))
	wantRefusal(t, "the chain of another's key", err, signature.ReasonMismatch)
	_, err = v.Verify(body(nil, key))
	wantRefusal(t, "no chain", err, signature.ReasonMismatch)
	_, err = v.Verify(body(map[string]any{"x5c": x5c[:1]}, key))
	wantRefusal(t, "no intermediate", err, signature.ReasonMismatch)
	late := *good
	late.Now = now.Add(2 * time.Hour)
	_, err = v.Verify(&late)
	wantRefusal(t, "an expired chain", err, signature.ReasonMismatch)
}

// TestJWSDetached: the body is the payload that the token leaves out.
func TestJWSDetached(t *testing.T) {
	sig := vendors.Signature{Scheme: "jws", Header: "X-JWS-Signature", Algorithm: "RS256", Binds: "detached"}
	v := newVerifier(t, sig, newKey("k", rsaPEM(t)))
	r := &signature.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(jwsBody), Now: now}
	if err := v.Sign(r, ""); err != nil {
		t.Fatal(err)
	}
	if result, err := v.Verify(r); err != nil || result.Proof != schemas.ProofBody || !strings.Contains(r.Header.Get("X-JWS-Signature"), "..") {
		t.Errorf("%+v, %v, %q", result, err, r.Header)
	}
	r.Body = []byte(jwsBody + " ")
	_, err := v.Verify(r)
	wantRefusal(t, "another body", err, signature.ReasonMismatch)
}
