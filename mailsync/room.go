package mailsync

// Room is what a pass shares with the other passes of a run. The first
// connection to each side is the pass's own from the beginning; for every
// further one it asks here.
type Room interface {
	// Lane asks for one more connection to each side, and does not wait: nil
	// means that there is none now. wake is signalled when asking again may
	// help, unless it has a signal pending; it should hold one.
	Lane(wake chan<- struct{}) Loan
	// Enough is asked before a batch of so many octets is announced. An error
	// ends the pass, after what was announced before, with that error.
	Enough(octets int64) error
}

// Loan is a lane that others may want.
type Loan interface {
	// Recalled is closed when somebody who has no connection at all waits for
	// one: give the loan back when the work at hand is done.
	Recalled() <-chan struct{}
	// Return gives it back; the connections are closed by then.
	Return()
}

// alone is the room of a pass that shares with nobody.
type alone struct{}

func (alone) Lane(chan<- struct{}) Loan { return alone{} }
func (alone) Enough(int64) error        { return nil }
func (alone) Recalled() <-chan struct{} { return nil }
func (alone) Return()                   {}
