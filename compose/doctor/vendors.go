package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"

	"github.com/hookline-io/hookline/ingest/signature"
	"github.com/hookline-io/hookline/schemas/vendors"
)

const fixVendors = "Correct this line of the vendors' file, then send ingest and processor SIGHUP. 'hookline vendor check' says more."

func lookAtVendors(_ context.Context, _ *slog.Logger, o Options) []Finding {
	const check = "vendors"
	config, err := vendors.Load(o.Vendors, vendors.Options{Schemes: signature.Names(), ActionSecrets: true, Now: o.Now})
	if errors.Is(err, fs.ErrNotExist) && len(each(err)) == 1 {
		if _, inFile := errors.AsType[*vendors.Problem](err); !inFile {
			return []Finding{failed(check, err.Error(), "Name the vendors' file with --vendors, and see that this user may read it.")}
		}
	}
	var findings []Finding
	for _, e := range each(err) {
		findings = append(findings, failed(check, e.Error(), fixVendors))
	}
	if err != nil {
		return findings
	}
	certs := signature.NewCertClient(nil, nil)
	for _, name := range slices.Sorted(maps.Keys(config.Vendors)) {
		v := config.Vendors[name]
		if _, err := signature.New(v.Signature, v.Keys, certs); err != nil {
			findings = append(findings, failed(check, fmt.Sprintf("%s: %v", name, err),
				"Copy the secret from the vendor again: it does not have the form that the scheme asks for."))
		}
	}
	for _, w := range config.Warnings {
		findings = append(findings, warning(check, w, "Look at the vendor in "+o.Vendors+"."))
	}
	if len(findings) == 0 {
		findings = append(findings, ok(check, fmt.Sprintf("%d vendors, every secret readable", len(config.Vendors))))
	}
	return findings
}

// each returns the errors that err joins, or err alone; none of nil.
func each(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the outermost alone is asked
		return joined.Unwrap()
	}
	return []error{err}
}
