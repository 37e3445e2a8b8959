package vendors

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/hookline-io/hookline/schemas"
	"github.com/hookline-io/hookline/schemas/extract"
)

// Options are what a vendors.yaml is checked against and read with. The zero value reads the real environment.
type Options struct {
	Schemes        []string // names of the known schemes; nil: do not check
	WithoutSecrets bool     // for who verifies nothing: secrets are neither needed nor read
	ActionSecrets  bool     // for who runs actions: the secrets that sign them are read

	Getenv   func(name string) string          // os.Getenv
	ReadFile func(name string) ([]byte, error) // os.ReadFile, for file: secrets
	Now      func() time.Time                  // time.Now, for warnings about secrets that run out
}

func (o Options) withDefaults() Options {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Load reads and checks the vendors.yaml at path. Its error joins a *Problem for every mistake in the file,
// each on a line of its own, so that errors.As and a person both find them all. A relative file: secret is looked
// for beside the file.
func Load(path string, opt Options) (*Config, error) {
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read vendors: %w: name yours with --vendors; docs/vendors.md says what to write into it", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read vendors: %w", err)
	}
	if opt.ReadFile == nil {
		opt.ReadFile = func(name string) ([]byte, error) {
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(path), name)
			}
			return os.ReadFile(name)
		}
	}
	return Parse(path, src, opt)
}

// Parse is Load for a file that is already read; filename goes into the errors.
func Parse(filename string, src []byte, opt Options) (*Config, error) {
	c := &compiler{Options: opt.withDefaults()}
	var file fileSpec
	c.read(filename, src, &file)
	config := &Config{Vendors: make(map[string]*Vendor, len(file.Vendors))}
	for _, name := range slices.Sorted(maps.Keys(file.Vendors)) {
		config.Vendors[name] = c.compileVendor(name, file.Vendors[name])
	}
	if len(file.Vendors) == 0 && len(c.problems) == 0 {
		c.failAt(place{filename, 1, 1}, "no vendors: add at least one under the key vendors")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	config.Warnings = c.warnings
	return config, nil
}

// compiler turns specs into vendors and collects what is wrong with them.
type compiler struct {
	Options
	reader
	warnings []string
	paths    *extract.Paths // of the document that what is compiled now reads
	zone     *time.Location // of the vendor's times that state none; nil: UTC
	delivery *extract.Paths // of the delivery that it stands in
	inList   bool           // what is compiled now looks into an item of each
}

// vendorName is what can stand as the last part of a URL without escaping.
var vendorName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

func (c *compiler) compileVendor(name string, spec *vendorSpec) *Vendor {
	if !vendorName.MatchString(name) {
		c.fail(spec, "%q is no vendor name: it is the last part of the URL, so 1 to 64 of a-z, 0-9, - and _, the first a letter or digit", name)
	}
	if name == schemas.UnknownVendor {
		c.fail(spec, "%q is what refused deliveries to no vendor are counted under: choose another name", name)
	}
	v := &Vendor{Name: name, Preset: spec.Preset}
	own := spec.Events.reads(spec.Test)
	retries, preset, known := c.applyPreset(spec)
	v.Signature = spec.Signature
	if known {
		c.checkScheme(spec)
	}
	switch v.Redelivery = spec.Redelivery; v.Redelivery {
	case "":
		v.Redelivery = RedeliveryFirst
	case RedeliveryFirst, RedeliveryLast:
	default:
		c.fail(&spec.Redelivery, "unknown redelivery %q: first or last says which delivery of an event counts", spec.Redelivery)
	}
	if !c.WithoutSecrets {
		v.Keys = c.compileSecrets(name, spec, retries)
	}
	v.Limits = c.compileLimits(&spec.Limits)
	v.Answers = c.compileAnswers(&spec.Answers)
	c.zone = nil
	if spec.Zone != "" {
		c.zone = c.compileZone(&spec.Zone)
	}
	v.events = c.compileEvents(&spec.Events, spec.Test)
	c.compileKept(&v.events, spec, slices.Concat(own, preset))
	v.sales = c.compileSales(spec, v.events.content)
	v.actions = c.compileActions(spec)
	return v
}

func (c *compiler) checkScheme(spec *vendorSpec) {
	switch scheme := spec.Signature.Scheme; {
	case scheme == "":
		c.fail(spec, "no signature: name a preset, or write signature: {scheme: hmac, …}")
	case c.Schemes != nil && !slices.Contains(c.Schemes, scheme):
		c.fail(&spec.Signature.Scheme, "unknown scheme %q%s", scheme, suggest(scheme, c.Schemes))
	}
}

func keysOfMap[V any](m map[string]V) []string { return slices.Collect(maps.Keys(m)) }
