package mailsync

import (
	"context"
	"time"
)

// Idler is a Source that can be told of changes instead of asking (RFC 2177).
type Idler interface {
	// Idles reports whether the server can.
	Idles() bool
	// Idle waits until something changed in the open folder, and in any other
	// where the server can tell (RFC 5465), or for most, which it may cut to
	// what servers bear. A server that says nothing is not a folder that did
	// not change: look anyway.
	Idle(ctx context.Context, most time.Duration) (changed bool, err error)
}
