package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hookline-io/hookline/schemas/vendors"
)

// errRefused is wrapped by the error of a connection to an address that no action may reach.
var errRefused = errors.New("actions may not reach this address")

// guard keeps actions away from addresses where a request could do harm that its author did not mean: the machine
// itself, its link, and the services from which clouds hand out credentials. Private networks (RFC 1918) are what
// actions are for. It judges the address that is dialled, so that no name and no redirect gets around it.
type guard struct {
	allow []netip.Prefix // is reached all the same
}

// Networks that stand for another one: an IPv4 address is inside. All are constants.
var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")    //nolint:gochecknoglobals // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")       //nolint:gochecknoglobals // RFC 3056
	embedded  = netip.MustParsePrefix("::/96")           //nolint:gochecknoglobals // RFC 4291, 2.5.5.1
	siit      = netip.MustParsePrefix("::ffff:0:0:0/96") //nolint:gochecknoglobals // RFC 2765, 2.1
	teredo    = netip.MustParsePrefix("2001::/32")       //nolint:gochecknoglobals // RFC 4380, 4
	localNAT  = netip.MustParsePrefix("64:ff9b:1::/48")  //nolint:gochecknoglobals // RFC 8215: where the address is inside is the network's own choice
)

// metadata are the clouds' services for their machines that are not link-local; most are at 169.254.169.254.
var metadata = []netip.Prefix{ //nolint:gochecknoglobals // a constant
	netip.MustParsePrefix("fd00:ec2::/32"),      // AWS: fd00:ec2::254, and fd00:ec2::23 for pods (docs.aws.amazon.com: instancedata-data-retrieval, pod-id-agent-setup)
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google Cloud (cloud.google.com/compute/docs/metadata/querying-metadata)
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure (learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16)
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud (alibabacloud.com/help/ecs/user-guide/view-instance-metadata)
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle Cloud, classic (docs.oracle.com/en/cloud/iaas/compute-iaas-cloud)
	netip.MustParsePrefix("fd00:42::42/128"),    // Scaleway (docs.cloud-init.io: datasource scaleway)
}

// check returns an error that wraps errRefused where addr must not be dialled.
func (g guard) check(addr netip.Addr) error {
	addr = addr.WithZone("").Unmap()
	in := func(p netip.Prefix) bool { return p.Contains(addr) }
	if slices.ContainsFunc(g.allow, in) {
		return nil
	}
	why := ""
	switch {
	case addr.IsUnspecified(), addr.Is4() && addr.As4()[0] == 0, addr.IsLoopback():
		why = "it is this machine"
	case addr.IsLinkLocalUnicast():
		why = "it is link-local, where clouds hand out credentials"
	case slices.ContainsFunc(metadata, in):
		why = "a cloud hands out credentials there"
	case addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		why = "it is not the address of one machine"
	case in(localNAT):
		why = "it stands for an IPv4 address that is not known"
	case in(nat64), in(embedded), in(siit), isatap(addr):
		b := addr.As16()
		return g.check(netip.AddrFrom4([4]byte(b[12:16])))
	case in(teredo): // the server, and the client in ones' complement
		b := addr.As16()
		client := [4]byte{^b[12], ^b[13], ^b[14], ^b[15]}
		return errors.Join(g.check(netip.AddrFrom4([4]byte(b[4:8]))), g.check(netip.AddrFrom4(client)))
	case in(sixToFour):
		b := addr.As16()
		return g.check(netip.AddrFrom4([4]byte(b[2:6])))
	}
	if why != "" {
		return fmt.Errorf("%w: %s: %s; if it is meant, allow it with --actions-allow=%s", errRefused, addr, why,
			netip.PrefixFrom(addr, addr.BitLen()))
	}
	return nil
}

// isatap says whether an IPv4 address is the end of addr by RFC 5214, 6.1.
func isatap(addr netip.Addr) bool {
	b := addr.As16()
	return addr.Is6() && b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// control is a net.Dialer's ControlContext: it is asked after names are resolved and before the connection is made.
func (g guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	dialled, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s cannot be read as an address", errRefused, address)
	}
	return g.check(dialled.Addr())
}

func (g guard) dialer() *net.Dialer {
	return &net.Dialer{Timeout: 5 * time.Second, ControlContext: g.control}
}

// checkConfig names the actions whose URLs say by themselves that they will be refused. Names are looked up only
// when they are dialled.
func (g guard) checkConfig(config *vendors.Config) error {
	var problems []error
	for name, vendor := range config.Vendors {
		for typ, action := range vendor.AllActions() {
			u, err := url.Parse(action.Forward)
			if err != nil {
				continue // the configuration is checked: it cannot happen
			}
			host := u.Hostname()
			if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
				host = "127.0.0.1"
			}
			addr, err := netip.ParseAddr(host)
			if err != nil {
				continue
			}
			if err := g.check(addr); err != nil {
				problems = append(problems, fmt.Errorf("vendors: %s: actions: %s: %s: %w", name, typ, action.Name(), err))
			}
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}
