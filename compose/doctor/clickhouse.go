package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/hookline-io/hookline/analytics"
)

func lookAtClickHouse(ctx context.Context, _ *slog.Logger, o Options) []Finding {
	o.ClickHouse.Timeout = o.Timeout
	db, err := analytics.Open(ctx, o.ClickHouse)
	if err != nil {
		return []Finding{failed("clickhouse", err.Error(), "Correct the flag that it names.")}
	}
	defer db.Close()
	before := o.Now()
	server, err := db.Server(ctx)
	after := o.Now()
	if err != nil {
		return []Finding{failed("clickhouse", err.Error(), fixClickHouse(o.ClickHouse, err))}
	}
	var findings []Finding
	if o.ClickHouse.DSN.HasPassword() {
		findings = append(findings, warning("clickhouse", "a password stands in --clickhouse-dsn, where who may list processes can read it",
			"Keep it in a file and name that with --clickhouse-password."))
	}
	findings = append(findings, judgeVersion(server), judgeClock("clickhouse's clock", "ClickHouse's", server.Now, before, after))
	if server.Swallows {
		findings = append(findings, failed("inserts",
			"the settings of our queries do not arrive, so that ClickHouse may acknowledge and drop an INSERT that equals an earlier one",
			"Let the proxy in front of ClickHouse pass settings (insert_deduplication_token, insert_deduplicate, async_insert), or connect past it."))
	}
	grants, err := db.Grants(ctx)
	if err != nil {
		return append(findings, failed("grants", err.Error(), fixClickHouse(o.ClickHouse, err)))
	}
	findings = append(findings, judgeGrants(grants, server.User))
	if len(grants.Look) > 0 {
		return append(findings, unknown("schema", server.User+" may not see it: look with the user of 'hookline setup'"))
	}
	schema, err := db.Schema(ctx)
	if err != nil {
		return append(findings, failed("schema", err.Error(), fixClickHouse(o.ClickHouse, err)))
	}
	findings = append(findings, judgeSchema(db.Name(), schema))
	switch {
	case !schema.Exists || len(schema.Pending) > 0:
	case len(grants.Watch) > 0:
		findings = append(findings, unknown("rollups", server.User+" may not see them: it lacks "+strings.Join(grants.Watch, ", ")))
	default:
		findings = append(findings, lookAtRefreshes(ctx, o, db)...)
	}
	return findings
}

// fixClickHouse says what to do about an error. The codes are those of
// https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp.
func fixClickHouse(o analytics.Options, err error) string {
	switch analytics.Code(err) {
	case 192, 193, 194, 516: // UNKNOWN_USER WRONG_PASSWORD REQUIRED_PASSWORD AUTHENTICATION_FAILED
		return "Check the user in --clickhouse-dsn and the password that --clickhouse-password names."
	case 195: // IP_ADDRESS_NOT_ALLOWED
		return "Allow this user to connect from here (HOST of CREATE USER, <networks> in users.xml)."
	case 497, 291: // ACCESS_DENIED DATABASE_ACCESS_DENIED
		return "Grant this user what the message names."
	case 164, 452: // READONLY SETTING_CONSTRAINT_VIOLATION
		return "Allow this user to change settings of its own queries: its profile, or readonly, forbids one."
	case 0:
	default:
		return "See what ClickHouse logs about this query."
	}
	if advice := o.AdviceTLS(err); advice != "" {
		return advice
	}
	return "Check the address and the protocol in --clickhouse-dsn (9000 and 9440 are native, 8123 and 8443 HTTP; secure=true is TLS), and that ClickHouse runs."
}

// The oldest ClickHouse that has what hookline needs (refreshable views with APPEND, without a setting that allows
// them), and the oldest of the line that it is tested with.
var needed, tested = [2]int{24, 10}, [2]int{26, 3}

func judgeVersion(s analytics.Server) Finding {
	found := "ClickHouse " + s.Version + ", user " + s.User
	var v [2]int
	for i, part := range strings.SplitN(s.Version, ".", 3)[:min(2, strings.Count(s.Version, ".")+1)] {
		v[i], _ = strconv.Atoi(part)
	}
	older := func(than [2]int) bool { return v[0] < than[0] || v[0] == than[0] && v[1] < than[1] }
	switch {
	case older(needed):
		return failed("clickhouse", found+": too old",
			fmt.Sprintf("Upgrade it to %d.%d or later: the rollups need refreshable views with APPEND.", tested[0], tested[1]))
	case older(tested):
		return warning("clickhouse", found, fmt.Sprintf("Upgrade it: hookline is tested with %d.%d and later.", tested[0], tested[1]))
	}
	return ok("clickhouse", found)
}

func judgeGrants(g analytics.Grants, user string) Finding {
	const check = "grants"
	switch {
	case g.ReadsOnly:
		return ok(check, user+" may read figures, as people and boards do; the processor and 'hookline setup' need more")
	case len(g.Store) > 0 && len(g.SetUp) > 0:
		var grants []string
		for _, right := range g.Store {
			grants = append(grants, "GRANT "+right+" TO "+user)
		}
		return failed(check, user+" may neither store nor set up: it lacks "+strings.Join(g.Store, ", "), strings.Join(grants, "; "))
	case len(g.Store) > 0:
		return warning(check, user+" may set up and not store: it lacks "+strings.Join(g.Store, ", "),
			"Good for 'hookline setup', not for the processor.")
	case len(g.SetUp) > 0:
		return ok(check, user+" may store, as the processor does; 'hookline setup' needs more")
	}
	return ok(check, user+" may store and set up")
}

func judgeSchema(name string, s analytics.Schema) Finding {
	const check = "schema"
	switch {
	case !s.Exists:
		return failed(check, "there is no database "+name, "Run 'hookline setup', or name the database in --clickhouse-dsn.")
	case len(s.Pending) > 0:
		return failed(check, fmt.Sprintf("the database %s lacks migrations %s", name, strings.Join(s.Pending, ", ")),
			"Run 'hookline setup' of this version.")
	case len(s.Ahead) > 0:
		return warning(check, fmt.Sprintf("the database %s is newer than this hookline: it has had migrations %v", name, s.Ahead),
			"Upgrade this hookline; see docs/operating.md for going back.")
	}
	return ok(check, "the database "+name+" is as this version needs it")
}

// late is how long a rollup may go without a run that succeeded; each runs at least once a minute.
const late = 10 * time.Minute

func lookAtRefreshes(ctx context.Context, o Options, db *analytics.DB) []Finding {
	const check = "rollups"
	refreshes, err := db.Refreshes(ctx)
	if err != nil {
		return []Finding{failed(check, err.Error(), fixClickHouse(o.ClickHouse, err))}
	}
	if len(refreshes) == 0 {
		return []Finding{failed(check, "no view refreshes the figures of sales", "Run 'hookline setup'.")}
	}
	server, err := db.Server(ctx)
	if err != nil {
		return []Finding{failed(check, err.Error(), fixClickHouse(o.ClickHouse, err))}
	}
	var findings []Finding
	for _, r := range refreshes {
		switch age := server.Now.Sub(r.Succeeded); {
		case r.Exception != "":
			findings = append(findings, failed(check, r.View+" fails: "+r.Exception,
				"The figures go stale until it succeeds. See system.view_refreshes and what ClickHouse logs."))
		case r.Succeeded.Unix() == 0:
			findings = append(findings, unknown(check, r.View+" has not run yet: look again in a minute"))
		case age > late:
			findings = append(findings, failed(check, fmt.Sprintf("%s last succeeded %s ago", r.View, age.Round(time.Second)),
				"SYSTEM START VIEW "+db.Name()+"."+r.View))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, ok(check, fmt.Sprintf("%d, all up to date", len(refreshes))))
	}
	return findings
}
