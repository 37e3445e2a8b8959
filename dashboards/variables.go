package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// currencyVariable chooses one currency: money of different currencies never adds up. The one with the most
// orders comes first, and so is chosen at first.
func currencyVariable() cog.Builder[dashboard.VariableModel] {
	return variable("currency", "Currency",
		"Every amount is in this currency; amounts are never converted.",
		`SELECT currency FROM hookline.sales_per_month GROUP BY currency ORDER BY sum(orders) DESC, currency`)
}

// zoneVariable chooses the reporting zone, out of those that the rollup is computed for.
func zoneVariable() cog.Builder[dashboard.VariableModel] {
	return variable("zone", "Reporting zone",
		"Where the days and months begin. A sale at the edge of a month may fall into another month in another zone.",
		`SELECT zone FROM hookline.reporting_zones ORDER BY zone != 'UTC', zone`)
}

// vendorVariable chooses any number of vendors, at first all, out of those that a view knows.
func vendorVariable(view string) cog.Builder[dashboard.VariableModel] {
	all := dashboard.VariableOption{
		Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
		Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
	}
	return variable("vendor", "Vendor", "Whose figures count. All includes vendors that appear later.", vendorNames(view)).
		Multi(true).IncludeAll(true).AllValue(everyVendor).Current(all)
}

func vendorNames(view string) string {
	return `SELECT vendor FROM hookline.` + view + ` WHERE vendor != '' GROUP BY vendor ORDER BY lowerUTF8(vendor), vendor`
}

// textVariable is a text that the reader types in.
func textVariable(name, label, description string) cog.Builder[dashboard.VariableModel] {
	return dashboard.NewTextBoxVariableBuilder(name).Label(label).Description(description).
		DefaultValue(dashboard.StringOrMap{String: cog.ToPtr("")})
}

func variable(name, label, description, sql string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).Description(description).
		Datasource(clickhouse()).Query(dashboard.StringOrMap{String: &sql}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortDisabled).AllowCustomValue(false)
}

// vendorLink leads from a vendor's name in a table to the board about that vendor.
func vendorLink() []dashboard.DynamicConfigValue {
	return linked("This vendor's own board", "/d/"+VendorUID+`?${__url_time_range}&${currency:queryparam}&${zone:queryparam}&var-name=${__value.raw:percentencode}`)
}
