package mapping_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/analytics"
	"github.com/hookline-io/hookline/processor/mapping"
	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const vendorsYAML = `
vendors:
  acme:
    preset: hub
    events: {id: id, type: type, time: {path: at, format: [rfc3339, datetime]}}
    sales:
      paid: {effect: sale, amount: amount, unit: major, currency: {const: USD}, time: {path: paid_at, format: rfc3339}}
`

func TestInvariant8_PoisonIsStoredWhereItBelongs(t *testing.T) {
	config, err := vendors.Parse("vendors.yaml", []byte(vendorsYAML), vendors.Options{WithoutSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		edit  func(*schemas.Event)
		stage mapping.Stage // empty: it is none
		sale  bool
		time  time.Time
	}{
		"a sale":         {func(*schemas.Event) {}, "", true, at},
		"another type":   {func(e *schemas.Event) { e.Type = "other" }, "", false, at},
		"no amount":      {func(e *schemas.Event) { e.Data = []byte(`{}`) }, mapping.StageMap, false, at},
		"unknown vendor": {func(e *schemas.Event) { e.Vendor = "nobody" }, mapping.StageMap, false, at},
		"sale in 1970":   {func(e *schemas.Event) { e.Data = []byte(`{"amount":"1","paid_at":"1970-01-02T00:00:00Z"}`) }, mapping.StageRow, false, at},
		"event in 1970":  {func(e *schemas.Event) { e.Time = time.Unix(0, 0) }, mapping.StageTime, false, time.Time{}},
		"event in 2300":  {func(e *schemas.Event) { e.Time = at.AddDate(274, 0, 0) }, mapping.StageTime, false, time.Time{}},
		"no time":        {func(e *schemas.Event) { e.Time, e.BadTime = time.Time{}, "soon" }, mapping.StageTime, false, time.Time{}},
		"a time after all": {func(e *schemas.Event) {
			e.Time, e.BadTime, e.Data = time.Time{}, "2026-03-01T12:00:00", []byte(`{"amount":"1.25","at":"2026-03-01T12:00:00"}`)
		}, "", true, at},
		"no amount, no time":   {func(e *schemas.Event) { e.Time, e.BadTime, e.Data = time.Time{}, "soon", nil }, mapping.StageTime, false, time.Time{}},
		"no ID of its own":     {func(e *schemas.Event) { e.BadID = "event 2: nothing at id" }, mapping.StageIdentify, false, at},
		"an ID after all":      {func(e *schemas.Event) { e.BadID, e.Data = "event 2: nothing at id", []byte(`{"id":1,"amount":"1.25"}`) }, "", true, at},
		"undated, no amount":   {func(e *schemas.Event) { e.Time, e.Data = time.Time{}, []byte(`{}`) }, mapping.StageMap, false, time.Time{}},
		"undated, with a sale": {func(e *schemas.Event) { e.Time = time.Time{} }, "", true, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			event := schemas.Event{ID: "e", Vendor: "acme", Type: "paid", Time: at, Received: at.Add(time.Minute), Data: []byte(`{"amount":"1.25"}`)}
			tt.edit(&event)
			rows := analytics.NewBatch()
			row, appended, err := mapping.Append(event.Record("t"), config, rows)
			if !appended || rows.Len() != 1 {
				t.Fatalf("%d rows", rows.Len())
			}
			if (err != nil) != (tt.stage != "") || err != nil && (mapping.StageOf(err) != tt.stage || row.Error != err.Error()) {
				t.Errorf("error %v (the row says %q), want one of stage %q", err, row.Error, tt.stage)
			}
			if (len(row.Outcome.Effects) > 0) != tt.sale || !row.Event.Time.Equal(tt.time) {
				t.Errorf("sale %v at %s, want %v at %s", row.Outcome, row.Event.Time, tt.sale, tt.time)
			}
		})
	}
	rows := analytics.NewBatch()
	_, appended, err := mapping.Append(&kgo.Record{Value: []byte("?")}, config, rows)
	if appended || rows.Len() != 0 || mapping.StageOf(err) != mapping.StageDecode || !errors.Is(err, schemas.ErrNotEvent) {
		t.Errorf("what is no event: %v, %v", appended, err)
	}
	if mapping.StageOf(errors.New("x")) != mapping.StageUnknown {
		t.Error("an unknown error has a stage")
	}
}
