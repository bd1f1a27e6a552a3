package testservers

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"bascule/internal/clock"
)

// Ports are drawn from a range below the one the kernel takes for outgoing
// connections (32768 on Linux), so that between choosing and listening no
// client connection of any test can occupy them.
const (
	firstPort = 20000
	lastPort  = 31999
	drawTries = 200
)

// freePort returns a TCP and UDP port of 127.0.0.1 nobody listens on.
func freePort() (int, error) {
	for range drawTries {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if portFree(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
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
func freePorts(n int) ([]int, error) {
	seen := make(map[int]bool, n)
	var ports []int
	for len(ports) < n {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		if !seen[port] {
			seen[port] = true
			ports = append(ports, port)
		}
	}
	return ports, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// listenLoopback opens a listener on a free high port.
func listenLoopback(t testing.TB) *net.TCPListener {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatalf("choose port: %v", err)
	}
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	return l.(*net.TCPListener)
}

// probeTimeout bounds one look at a server that is starting.
const probeTimeout = 5 * time.Second

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
