// Package writertest is the contract of a zonewriter.Writer as tests. A driver
// is used for writing only when they pass on a real server of its service, or
// on a fake that behaves as the service is known to.
//
// To add a driver, write a test that opens fresh zones on it:
//
//	func TestContract(t *testing.T) {
//		writertest.Run(t, func(t *testing.T) writertest.Zone {
//			return writertest.Zone{Name: freshZone(t), Writer: client, Look: look}
//		})
//	}
//
// It asks the authoritative servers only, never the service's own interface.
//
// Invariant: every case starts from a zone that holds nothing but SOA, NS and
// addresses of its name servers, and looks at all record sets it made after
// every write, so that a change of another one is seen.
package writertest
