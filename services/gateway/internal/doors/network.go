package doors

import "net/netip"

// Network is the network of an address as it is recorded: /24 of IPv4, /48 of IPv6, empty for what is no address.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		with, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		a = with.Addr()
	}
	bits := 48
	if a = a.Unmap().WithZone(""); a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
