package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/hookline-io/hookline/compose/local/demo"
	"github.com/hookline-io/hookline/ingest/sender"
	"github.com/hookline-io/hookline/internal/testkit"
	"github.com/hookline-io/hookline/internal/testkit/published"
)

// Every body that a vendor has published, signed as that vendor signs and posted, becomes the event and the sale that
// it must become.
func TestPublishedPayloadsThroughTheStack(t *testing.T) {
	deliveries := published.Read(t)
	var config strings.Builder
	config.WriteString("vendors:\n")
	secrets := map[string]string{
		"text": "a secret for tests", "hex": hex.EncodeToString(make([]byte, 32)), "whsec": demo.NewSecret(true), "key": privateKey(t),
	}
	for i, d := range deliveries {
		secret := map[string]string{"adyen": "hex", "sendgrid": "key", "standard-webhooks": "whsec"}[d.Preset]
		if secret == "" {
			secret = "text"
		}
		fmt.Fprintf(&config, "  v%d:\n    preset: %s\n    secrets: [file:%s]\n", i, d.Preset, secret)
		if d.Preset == "paypal" { // only PayPal has the key to its certificate
			config.WriteString("    signature: {scheme: hub}\n")
		}
	}
	s := start(t, config.String(), secrets)
	sent := make([]sender.Signed, len(deliveries))
	for i, d := range deliveries {
		sent[i] = s.accepted("v"+strconv.Itoa(i), d.Header, string(d.Body))
	}
	for i, d := range deliveries {
		t.Run(d.File, func(t *testing.T) {
			s := *s
			s.t = t
			vendor, signed := "v"+strconv.Itoa(i), sent[i]
			// The index knows one effect of an event, which is money: its order, fee and tax are left out. A capture is a sale.
			events := s.rows(len(d.Events), 10*time.Second, `
				SELECT e.event_id, e.type, toUnixTimestamp64Milli(e.occurred_at), if(s.kind = 'capture', 'sale', s.kind),
					s.amount, s.currency, s.order_id, position(unhex('`+hex.EncodeToString(signed.Body)+`'), e.payload) > 0, e.error
				FROM events AS e FINAL
				LEFT JOIN (SELECT * FROM sales FINAL WHERE kind NOT IN ('order', 'fee', 'tax')) AS s
					ON s.vendor = e.vendor AND s.event_id = e.event_id
				WHERE e.vendor = '`+vendor+`' AND (e.effect = '' OR s.event_id != '')
				ORDER BY e.kafka_partition, e.kafka_offset`)
			for _, row := range events {
				if row[7] != "1" {
					t.Error("the payload stored is not what was signed")
				}
				if row[8] != "" {
					t.Errorf("error: %s", row[8])
				}
			}
			if len(events) == 1 {
				d.Events[0].Check(t, stored(t, events[0]))
				return
			}
			// Items go to partitions by their IDs, so their order is not kept: count the effects.
			effects := map[string]int{}
			for j, row := range events {
				effects[stored(t, row).Effect]++
				effects[d.Events[j].Effect]--
			}
			for effect, n := range effects {
				if n != 0 {
					t.Errorf("%+d events of effect %s", n, effect)
				}
			}
		})
	}
}

func stored(t *testing.T, row []string) published.Event {
	t.Helper()
	millis, err := strconv.ParseInt(row[2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	e := published.Event{ID: row[0], Type: row[1], Time: time.UnixMilli(millis), Effect: row[3], Currency: row[5], Order: row[6]}
	if e.Effect == "" {
		e.Effect = "none"
	}
	if e.Amount, err = decimal.NewFromString(row[4]); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestStack is of what needs no stack of its own: each has a vendor of one stack, by the names here.
func TestStack(t *testing.T) {
	spans := newCollector(t)
	names := []string{"traced", "sold", "refused", "bad", "counted"}
	config := "vendors:\n"
	for _, name := range names {
		config += "  " + name + `:
    preset: hub
    secrets: [file:secret]
    events: {id: id, type: type, time: {path: at, format: rfc3339}}
    sales:
      paid: {effect: sale, key: id, amount: amount, unit: major, currency: {const: USD}}
`
	}
	whole := start(t, config, map[string]string{"secret": "a secret for tests"})
	of := func(test func(*stack)) func(*testing.T) {
		return func(t *testing.T) {
			s := *whole
			s.t = t
			test(&s)
		}
	}
	t.Run("OneTraceFromPostToInsert", of(func(s *stack) { oneTraceFromPostToInsert(s, spans) }))
	t.Run("ASignedPostBecomesABar", of(aSignedPostBecomesABar))
	t.Run("Invariant8_BadInputCostsOnlyItself", of(badInputCostsOnlyItself))
	t.Run("Invariant9_MetricsKeepToConventionsAndAreBounded", of(metricsAreBounded))
	t.Run("RefusesAsItPromises", of(refusesAsItPromises))
}

func aSignedPostBecomesABar(s *stack) {
	posted := time.Now()
	s.accepted("sold", nil, `{"id":"evt_1","type":"paid","at":"2026-03-31T23:30:00Z","amount":"12.34"}`)
	s.rows(1, 2*time.Second, "SELECT 1 FROM sales FINAL WHERE vendor = 'sold' AND sale_key = 'evt_1' AND amount = 12.34")
	row := time.Since(posted)
	s.rows(1, 15*time.Second, "SELECT 1 FROM sales_per_month WHERE zone = 'UTC' AND month = '2026-03-01' AND vendor = 'sold' AND net = 12.34")
	s.t.Logf("POST to row %s, POST to chart %s", row.Round(time.Millisecond), time.Since(posted).Round(time.Millisecond))
}

// The whole contract of refusals is tested in package ingest; this is the program with its default limits.
func refusesAsItPromises(s *stack) {
	const good = `{"id":"evt_1","type":"ping"}`
	for _, tc := range []struct {
		name   string
		body   string
		edit   func(*sender.Signed)
		status int
	}{
		{"wrong signature", good, func(d *sender.Signed) { d.Body = append(d.Body, ' ') }, 403},
		{"unknown vendor", good, func(d *sender.Signed) { d.URL = s.ingest + "/webhooks/nobody" }, 404},
		{"not JSON", `{"id":`, func(*sender.Signed) {}, 400},
		{"2 MB", `{"id":"` + strings.Repeat("x", 2<<20) + `"}`, func(*sender.Signed) {}, 413},
	} {
		s.t.Run(tc.name, func(t *testing.T) {
			signed, err := s.sender.Sign(sender.Delivery{Vendor: "refused", Body: []byte(tc.body)}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			tc.edit(&signed)
			answer, err := s.sender.Post(t.Context(), signed)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Status != tc.status || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %s %s", answer.Status, answer.Header, answer.Body)
			}
		})
	}
	s.t.Run("broker down", func(t *testing.T) { // invariant 1
		broker := s.process("broker")
		sendSignal(t, broker, syscall.SIGSTOP)
		testkit.Eventually(t, 5*time.Second, func() error { // a signal takes its time on a busy machine
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", broker))
			if err == nil && !bytes.Contains(stat, []byte(") T ")) {
				err = errors.New("the broker still runs")
			}
			return err
		})
		defer sendSignal(t, broker, syscall.SIGCONT)
		began := time.Now()
		answer, _ := s.send("refused", nil, []byte(good))
		took := time.Since(began)
		if answer.Status != http.StatusInternalServerError || took > 4*time.Second {
			t.Errorf("%d after %s: %s", answer.Status, took, answer.Body)
		}
		sendSignal(t, broker, syscall.SIGCONT)
		testkit.Eventually(t, 15*time.Second, func() error {
			if answer, _ := s.send("refused", nil, []byte(good)); answer.Status != http.StatusOK {
				return fmt.Errorf("%d %s", answer.Status, answer.Body)
			}
			return nil
		})
	})
}

func badInputCostsOnlyItself(s *stack) {
	at := `"at":"2026-03-01T00:00:00Z"`
	bodies := map[string]string{
		"duplicate-keys": `{"id":"duplicate-keys","type":"paid",` + at + `,"amount":"1","amount":"2"}`,
		"huge-number":    `{"id":"huge-number","type":"paid",` + at + `,"amount":1e999999999}`,
		"deep":           `{"id":"deep","type":"note",` + at + `,"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
		"not-utf8":       "{\"id\":\"not-utf8\",\"type\":\"note\"," + at + ",\"x\":\"\xff\xfe\"}",
		"nul":            `{"id":"nul","type":"note",` + at + `,"x":"\u0000"}`,
		"1970":           `{"id":"1970","type":"paid","at":"1970-01-01T00:00:01Z","amount":"1"}`,
		"2262":           `{"id":"2262","type":"paid","at":"2262-04-12T00:00:00Z","amount":"1"}`,
		"no-time":        `{"id":"no-time","type":"paid","at":"yesterday","amount":"1"}`,
	}
	for name, body := range bodies {
		s.accepted("bad", nil, body)
		s.accepted("bad", nil, fmt.Sprintf(`{"id":"good-%s","type":"paid",%s,"amount":"1"}`, name, at))
	}
	s.rows(len(bodies), 10*time.Second, "SELECT event_id FROM events FINAL WHERE vendor = 'bad' AND startsWith(event_id, 'good-') AND effect = 'sale'")
	for name, body := range bodies {
		s.rows(1, 10*time.Second, "SELECT 1 FROM events FINAL WHERE vendor = 'bad' AND event_id = '"+name+"' AND payload = unhex('"+hex.EncodeToString([]byte(body))+"')")
	}
	s.rows(4, 10*time.Second, "SELECT event_id FROM events FINAL WHERE vendor = 'bad' AND error != ''")
}

func privateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
