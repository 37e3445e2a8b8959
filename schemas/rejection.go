package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	rejectionType   = "hookline.rejections"
	rejectionSource = "/ingest/" // and the instance

	maxRejectionText = 128 // bytes of vendor, reason and instance
)

// Rejection counts the deliveries that one instance of ingest refused to one vendor for one reason in one minute.
// The other four fields identify it. Its count only grows, so that of two rejections with the same identity the
// higher count is the later one and stands for both: a record that is sent or stored again changes nothing.
type Rejection struct {
	Vendor   string    `json:"vendor"`   // as configured; UnknownVendor for every other name
	Reason   string    `json:"reason"`   // one of a closed set; see openapi.yaml
	Minute   time.Time `json:"minute"`   // whole minute, UTC
	Instance string    `json:"instance"` // one run of ingest; unique
	Count    uint64    `json:"count"`    // at least 1
}

// UnknownVendor stands for all vendors that are not configured, so that strangers cannot make up names for us to
// count by.
const UnknownVendor = "unknown"

// ErrNotRejection is wrapped by every error of DecodeRejection.
var ErrNotRejection = errors.New("not a hookline rejection count")

// Record returns the rejection as topic holds it: a CloudEvent in the Kafka binding's binary mode whose data is
// JSON, keyed by the vendor.
func (r Rejection) Record(topic string) (*kgo.Record, error) {
	r.Minute = r.Minute.UTC()
	if err := r.check(); err != nil {
		return nil, err
	}
	value, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode rejection: %w", err)
	}
	minute := r.Minute.Format(time.RFC3339)
	id := strings.Join([]string{minute, r.Vendor, r.Reason, strconv.FormatUint(r.Count, 10)}, "/") // unique within its source
	return &kgo.Record{Topic: topic, Key: []byte(r.Vendor), Value: value, Headers: []kgo.RecordHeader{
		{Key: headerSpecVersion, Value: []byte(specVersion)},
		{Key: headerID, Value: []byte(id)},
		{Key: headerSource, Value: []byte(rejectionSource + r.Instance)},
		{Key: headerType, Value: []byte(rejectionType)},
		{Key: headerTime, Value: []byte(minute)},
		{Key: headerContentType, Value: []byte("application/json")},
	}}, nil
}

// DecodeRejection reads a rejection back from its record. Headers and JSON members it does not know are left alone.
func DecodeRejection(record *kgo.Record) (Rejection, error) {
	var version, typ string
	for i := range record.Headers {
		switch value := string(record.Headers[i].Value); record.Headers[i].Key {
		case headerSpecVersion:
			version = value
		case headerType:
			typ = value
		}
	}
	if version != specVersion || typ != rejectionType {
		return Rejection{}, fmt.Errorf("%w: %s %q and %s %q, want %q and %q",
			ErrNotRejection, headerSpecVersion, version, headerType, typ, specVersion, rejectionType)
	}
	var r Rejection
	if err := json.Unmarshal(record.Value, &r); err != nil {
		return Rejection{}, fmt.Errorf("%w: %w", ErrNotRejection, err)
	}
	r.Minute = r.Minute.UTC()
	return r, r.check()
}

func (r *Rejection) check() error {
	for _, field := range []struct{ name, text string }{{"vendor", r.Vendor}, {"reason", r.Reason}, {"instance", r.Instance}} {
		if field.text == "" || len(field.text) > maxRejectionText {
			return fmt.Errorf("%w: %s of %d bytes, want 1 to %d", ErrNotRejection, field.name, len(field.text), maxRejectionText)
		}
	}
	// The years are those of ClickHouse's DateTime.
	if y := r.Minute.Year(); y < 2000 || y > 2105 || !r.Minute.Equal(r.Minute.Truncate(time.Minute)) {
		return fmt.Errorf("%w: %s is no whole minute of the years 2000 to 2105", ErrNotRejection, r.Minute)
	}
	if r.Count == 0 {
		return fmt.Errorf("%w: count is 0", ErrNotRejection)
	}
	return nil
}
