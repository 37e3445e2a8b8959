package schemas_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/schemas"
)

func rejection() schemas.Rejection {
	return schemas.Rejection{
		Vendor: "acme", Reason: "signature_mismatch", Minute: time.Date(2026, 11, 23, 10, 4, 0, 0, time.UTC),
		Instance: "5f0c", Count: 17,
	}
}

func TestRejectionRecord(t *testing.T) {
	want := rejection()
	paris := want
	paris.Minute = want.Minute.In(time.FixedZone("Paris", 3600))
	record, err := paris.Record("webhooks.rejections")
	if err != nil {
		t.Fatal(err)
	}
	const value = `{"vendor":"acme","reason":"signature_mismatch","minute":"2026-11-23T10:04:00Z","instance":"5f0c","count":17}`
	if string(record.Value) != value || string(record.Key) != "acme" || record.Topic != "webhooks.rejections" {
		t.Errorf("got %s, key %s, topic %s", record.Value, record.Key, record.Topic)
	}
	headers := map[string]string{}
	for _, h := range record.Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers["ce_id"] != "2026-11-23T10:04:00Z/acme/signature_mismatch/17" || headers["ce_source"] != "/ingest/5f0c" ||
		headers["ce_specversion"] != "1.0" || headers["ce_type"] != "hookline.rejections" {
		t.Errorf("got headers %v", headers)
	}
	got, err := schemas.DecodeRejection(record)
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestRejectionMistakes(t *testing.T) {
	for name, spoil := range map[string]func(*schemas.Rejection){
		"no vendor":     func(r *schemas.Rejection) { r.Vendor = "" },
		"no reason":     func(r *schemas.Rejection) { r.Reason = "" },
		"long reason":   func(r *schemas.Rejection) { r.Reason = strings.Repeat("x", 129) },
		"no instance":   func(r *schemas.Rejection) { r.Instance = "" },
		"no minute":     func(r *schemas.Rejection) { r.Minute = time.Time{} },
		"half a minute": func(r *schemas.Rejection) { r.Minute = r.Minute.Add(30 * time.Second) },
		"no count":      func(r *schemas.Rejection) { r.Count = 0 },
	} {
		r := rejection()
		spoil(&r)
		if _, err := r.Record("t"); !errors.Is(err, schemas.ErrNotRejection) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	event := schemas.Event{ID: "e", Vendor: "acme"}
	if _, err := schemas.DecodeRejection(event.Record("t")); !errors.Is(err, schemas.ErrNotRejection) {
		t.Errorf("an event: got %v", err)
	}
}

func FuzzDecodeRejection(f *testing.F) {
	good, err := rejection().Record("t")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Value)
	f.Add([]byte(`{"vendor":"a","reason":"b","minute":"2000-01-01T01:00:00+01:00","instance":"c","count":18446744073709551615,"x":null}`))
	f.Add([]byte(`{"vendor":"\u0000\ud800","reason":"b","minute":"2105-12-31T23:59:00Z","instance":"c","count":1e3}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, value []byte) {
		got, err := schemas.DecodeRejection(&kgo.Record{Value: value, Headers: good.Headers})
		if err != nil {
			if !errors.Is(err, schemas.ErrNotRejection) {
				t.Fatalf("%v is not classified", err)
			}
			return
		}
		record, err := got.Record("t")
		if err != nil {
			t.Fatalf("%+v was decoded and cannot be encoded: %v", got, err)
		}
		if again, err := schemas.DecodeRejection(record); err != nil || again != got {
			t.Fatalf("%+v became %+v, %v", got, again, err)
		}
	})
}
