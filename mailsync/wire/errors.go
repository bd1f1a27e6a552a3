package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"bascule/internal/safetext"
)

// ErrForbidden: the command is not on the allow-list of the connection.
var ErrForbidden = errors.New("command is not allowed on this connection")

// ErrClosed: the connection was ended by us.
var ErrClosed = errors.New("connection is closed")

// ProtocolError is a server that does not speak IMAP here. It is permanent:
// the same question brings the same answer.
type ProtocolError struct{ What string }

func (e *ProtocolError) Error() string { return "server breaks the protocol: " + e.What }

func protocol(format string, args ...any) error {
	return &ProtocolError{safetext.Shorten(safetext.Line(fmt.Sprintf(format, args...)), 300)}
}

// Lost is a connection that ended before the reply came. It is temporary.
type Lost struct {
	Err error
	// Bye is what the server said before it hung up, or "".
	Bye string
}

func (e *Lost) Error() string {
	if e.Bye != "" {
		return "server closed the connection: " + safetext.Shorten(safetext.Line(e.Bye), 300)
	}
	return "connection lost: " + e.Err.Error()
}

func (e *Lost) Unwrap() error { return e.Err }

// Temporary says that another connection may do.
func (e *Lost) Temporary() bool { return true }

// stalled words a timeout as what it is.
func stalled(err error, patience time.Duration) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no progress for %s: %w", patience, err)
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fatal reports whether the connection cannot be used after err.
func fatal(err error) bool {
	var lost *Lost
	var prot *ProtocolError
	return errors.As(err, &lost) || errors.As(err, &prot)
}

// isIO tells errors of the socket from those of a handler: handlers wrap or
// invent their own, the reader returns these.
func isIO(err error) bool {
	var ne net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, &ne)
}
