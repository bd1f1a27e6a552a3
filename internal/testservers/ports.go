package testservers

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"bascule/internal/clock"
)

// Ports are drawn from a range below the one the kernel takes for outgoing
// connections (32768 on Linux), so that between choosing and listening no
// client connection of any test can occupy them. Other servers of tests are
// kept away by a claim.
const (
	firstPort = 20000
	lastPort  = 31999
	drawTries = 200
)

// claimHost is where a port of 127.0.0.1 is claimed: who listens on the same
// port there has it until the test ends, whether or not its server listens.
// Without that, a server that died for want of its port could be taken for
// one that is ready: another test's answers there. A claim ends with the
// process that made it.
const claimHost = "127.20.0.1"

// freePort returns a TCP and UDP port of 127.0.0.1 that nobody listens on, and
// no other test will until this one ends.
func freePort(t testing.TB) (int, error) {
	t.Helper()
	for range drawTries {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		release, ok := claim(port)
		if !ok {
			continue
		}
		if portFree(port) {
			t.Cleanup(release)
			return port, nil
		}
		release()
	}
	return 0, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}

// claim takes a port for this test. Where the machine has one loopback address
// only, everybody gets what they ask for.
func claim(port int) (release func(), ok bool) {
	l, err := net.Listen("tcp", net.JoinHostPort(claimHost, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return func() {}, true
	}
	if err != nil {
		return nil, false
	}
	return func() { _ = l.Close() }, true
}

func portFree(port int) bool {
	stream, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	defer stream.Close()
	packets, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		return false
	}
	return packets.Close() == nil
}

// freePorts returns n different free ports.
func freePorts(t testing.TB, n int) ([]int, error) {
	t.Helper()
	var ports []int
	for len(ports) < n {
		port, err := freePort(t)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// listenLoopback opens a listener on a free high port.
func listenLoopback(t testing.TB) *net.TCPListener {
	t.Helper()
	port, err := freePort(t)
	if err != nil {
		t.Fatalf("choose port: %v", err)
	}
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	return l.(*net.TCPListener)
}

// probeTimeout bounds one look at a server that hangs.
const probeTimeout = time.Minute

// greets is the probe for servers that speak first: reading the greeting also
// tells that the process behind the listener has finished starting.
func greets(addr, greeting string) error {
	conn, err := net.DialTimeout("tcp", addr, probeTimeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(clock.Monotonic().Add(probeTimeout)); err != nil {
		return err
	}
	said := make([]byte, len(greeting))
	if _, err := io.ReadFull(conn, said); err != nil {
		return fmt.Errorf("read greeting of %s: %w", addr, err)
	}
	if string(said) != greeting {
		return fmt.Errorf("%s greets with %q, not %q", addr, said, greeting)
	}
	return nil
}
