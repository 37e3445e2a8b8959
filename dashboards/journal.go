package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// wantedEvent is the ID that was typed in, without the spaces that come along when it is pasted.
const wantedEvent = `trimBoth(decodeURLComponent('${event:percentencode}'))`

// journal is the board that finds one event by its ID and shows its whole life.
func journal() board {
	steps := `WITH ` + vendorList + ` AS vendor_list,
    arrayMap(v -> decodeURLComponent(substring(v, 3)), splitByChar('&', vendor_list)) AS chosen_vendors
`
	wanted := `
FROM hookline.event_journal
WHERE event_id = ` + wantedEvent + ` AND ` + wantedEvent + ` != '' AND ` + anyVendor
	when, exactly := dated("YYYY-MM-DD HH:mm:ss"), dated("YYYY-MM-DD HH:mm:ss.SSS")
	return board{
		uid: JournalUID, title: "Event journal",
		description: "Find one event by its ID: when it happened, was received and stored, what it counted as, what was done about it, and its payload.",
		from:        "now-7d", refresh: "",
		variables: []cog.Builder[dashboard.VariableModel]{
			textVariable("event", "Event ID", "The vendor's own ID of the event, or the one that hookline composed. Choosing its vendor too finds it faster."),
			vendorVariable("vendor_performance"),
		},
		panels: []panel{
			{
				id: 1, title: "The event's life", at: at(0, 0, 24, 9), unit: count(), shape: TableQuery,
				noValue:     "Type an event ID above, or choose one from the list below. An ID that finds nothing was never verified and stored.",
				description: "Every step that the event took, oldest first. Where the vendor states no time of its own, none is shown.",
				draw: rows().OverrideByName("When", wide(190, exactly...)).OverrideByName("Vendor", wide(140)).
					OverrideByName("Step", wide(100)).OverrideByName("Detail", wrapped(400)),
				sql: steps + `SELECT nullIf(at, toDateTime64(0, 3, 'UTC')) AS "When", vendor AS "Vendor", step AS "Step", detail AS "Detail"` + wanted + `
ORDER BY at, indexOf(['occurred', 'received', 'stored', 'sale', 'refund', 'action', 'dead letter'], step)`,
			},
			{
				id: 2, title: "Payload", at: at(0, 9, 24, 8), unit: count(), shape: TableQuery,
				noValue:     "No event chosen",
				description: "The event's body, byte for byte as its vendor signed it. It may hold personal data.",
				draw:        rows().OverrideByName("Vendor", wide(140)).OverrideByName("Step", wide(100)).OverrideByName("Payload", wrapped(600)),
				sql: steps + `SELECT vendor AS "Vendor", step AS "Step", payload AS "Payload"` + wanted + ` AND payload != ''
ORDER BY at`,
			},
			{
				id: 3, title: "Latest events", at: at(0, 17, 24, 14), unit: count(), shape: TableQuery, noValue: nothing,
				description: "The last 100 events received in the range. Choose an ID to see the event's life above.",
				draw: rows().
					OverrideByName("Event ID", linked("The event's life", "/d/"+JournalUID+`?${__url_time_range}&var-event=${__value.raw:percentencode}&var-vendor=${__data.fields["Vendor"]:percentencode}`)).
					OverrideByName("Received", wide(160, when...)).OverrideByName("Happened", wide(160, when...)),
				sql: steps + `SELECT received_at AS "Received", vendor AS "Vendor", event_id AS "Event ID", type AS "Type", effect AS "Counts as",
    if(source_month = 0, NULL, occurred_at) AS "Happened"
FROM hookline.events
WHERE $__timeFilter(received_at) AND is_deleted = 0 AND ` + anyVendor + `
ORDER BY received_at DESC
LIMIT 1 BY vendor, event_id
LIMIT 100`,
			},
		},
	}
}
