package analytics_test

import "testing"

// A vendor can overwrite nothing of another's, and reports one sale once, by however many events it does so.
func TestInvariant4_IdentityIsOfOneVendor(t *testing.T) {
	t.Parallel()
	db, e := open(t, "UTC")
	ours, theirs, again := sale("evt_1", halloween), sale("evt_1", halloween), sale("evt_2", halloween)
	theirs.Event.Vendor = "other"
	again.Outcome.Effects[0].Key = ours.Outcome.Effects[0].Key
	insert(t, db, ours, theirs, again)
	if got := ask(t, e, "SELECT vendor, event_id FROM current_events ORDER BY ALL"); got != "acme\tevt_1\nacme\tevt_2\nother\tevt_1" {
		t.Errorf("events: %s", got)
	}
	if got := ask(t, e, "SELECT vendor, sale_key, amount FROM current_sales ORDER BY ALL"); got != "acme\tch_evt_1\t12.34\nother\tch_evt_1\t12.34" {
		t.Errorf("sales: %s", got)
	}
}
