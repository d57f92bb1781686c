package embedded

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// portFree refuses an address somebody else listens on.
func portFree(address, what string) error {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l.Close()
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fail(ErrPortTaken, "%s cannot listen on %s: another program does already; stop it or choose another port", what, address)
	}
	return fmt.Errorf("%s cannot listen on %s: %w", what, address, err)
}

// freePorts returns n different ports of the loopback that nobody listened on a moment ago.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
