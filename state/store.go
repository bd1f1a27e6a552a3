package state

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Errors of a store.
var (
	// ErrNoState: nothing has been written yet.
	ErrNoState = errors.New("no state yet")
	// ErrNewer: the state was written by a newer program.
	ErrNewer = errors.New("state has a newer format")
	// ErrCorrupt: what is there is not a state.
	ErrCorrupt = errors.New("state is corrupt")
	// ErrStale: the state changed since it was loaded.
	ErrStale = errors.New("state was changed by somebody else")
	// ErrLostLock: the lease ended or was taken; nothing more may be written.
	ErrLostLock = errors.New("state lock is lost")
)

// Store keeps a state. Load may be called without the lock; Save needs it.
type Store interface {
	// Load returns the state, or ErrNoState.
	Load(ctx context.Context) (*State, error)
	// Save writes the state durably. It raises Serial and sets Updated; the
	// state given must descend from the one stored (ErrStale).
	Save(ctx context.Context, s *State) error
	// Lock takes the lock with a lease that is renewed until Unlock. The
	// context returned is cancelled with ErrLostLock if it cannot be kept.
	Lock(ctx context.Context, who Holder) (context.Context, Unlock, error)
	// History lists earlier versions, newest first; Restore makes one of them
	// the present state under a new serial.
	History(ctx context.Context) ([]Version, error)
	Restore(ctx context.Context, serial uint64) (*State, error)
	// Break removes the lock with that id, whoever holds it.
	Break(ctx context.Context, id string) error
}

// Unlock gives the lock back. It may be called more than once.
type Unlock func() error

// Holder is who holds a lock, and why.
type Holder struct {
	ID        string    `json:"id"`
	Who       string    `json:"who"`
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
	Expires   time.Time `json:"expires"`
}

// LockedError says who holds the lock.
type LockedError struct{ Holder Holder }

func (e *LockedError) Error() string {
	h := e.Holder
	return fmt.Sprintf("state is locked by %s on %s (pid %d) for %s since %s, until %s unless renewed; lock id %s",
		h.Who, h.Host, h.PID, h.Operation, h.Since.Format(time.RFC3339), h.Expires.Format(time.RFC3339), h.ID)
}

// Version is one earlier state.
type Version struct {
	Serial, Revision uint64
	Updated          time.Time
	Tool             string
}
