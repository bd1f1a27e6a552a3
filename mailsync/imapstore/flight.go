package imapstore

import (
	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// flight is commands for many folders, each folder opened behind the one
// before it without waiting. The answers come in the order of the commands,
// because each EXAMINE or SELECT makes those behind it wait (RFC 3501 §5.5).
type flight struct {
	s      *session
	air    []*visit
	octets int
	// writable: a folder that SELECT opened before the flight was not left yet.
	writable bool
}

// visit is one folder of a flight and what is asked in it.
type visit struct {
	// verb opens the folder: EXAMINE or SELECT.
	verb      string
	folder    mailsync.Folder
	questions []question
	// landed is told that the folder is open as s.open says, and takes the
	// answers; or that it was refused, when nobody answers.
	landed func(v *visit, refusal error) error

	s    *session
	open *wire.Command
	sent []*wire.Command
	// before and after are the UNSELECTs around a SELECT, or nil.
	before, after *wire.Command
}

type question struct{ name, text string }

func (q question) octets() int { return len(q.name) + len(q.text) }

// Nobody reads while commands are written: those under way must fit into the
// buffers on the way, or both sides would wait for the other to read.
const (
	flightFolders = 48
	flightOctets  = 16 << 10
)

// newFlight begins with whatever is open, which is left when that matters: see add.
func (s *session) newFlight() *flight {
	f := &flight{s: s, writable: s.open.valid && s.open.writable}
	s.open = opened{}
	return f
}

// add sends a visit, after reading the answers there is no room for.
//
// After a SELECT that is refused no folder is open (RFC 3501 §6.3.1). A server
// that kept the one before open would do there what was meant for another:
// each folder that can be written is left by UNSELECT (RFC 3691), and where
// the server has none, the answer to SELECT is waited for.
func (f *flight) add(v *visit) error {
	v.s = f.s
	room := v.octets()
	for len(f.air) > 0 && (len(f.air) >= flightFolders || f.octets+room > flightOctets || v.alone()) {
		if err := f.landOne(); err != nil {
			return err
		}
	}
	if err := f.leave(v); err != nil {
		return err
	}
	v.open = f.s.openCommand(v.verb, v.folder)
	if err := v.open.End(); err != nil {
		return err
	}
	if v.verb == "SELECT" && !f.s.has("UNSELECT") {
		return v.inTurn()
	}
	if err := v.ask(); err != nil {
		return err
	}
	f.air, f.octets = append(f.air, v), f.octets+room
	return nil
}

// leave goes out of the folder that was open before the flight.
func (f *flight) leave(v *visit) error {
	if !f.writable || v.verb != "SELECT" || !f.s.has("UNSELECT") {
		return nil
	}
	f.writable = false
	v.before = f.s.conn.Begin("UNSELECT", f.s.lit)
	return v.before.End()
}

// alone: while a go-ahead is waited for, answers of others would be lost.
func (v *visit) alone() bool {
	return v.s.waits(v.folder.Raw) || v.verb == "SELECT" && !v.s.has("UNSELECT")
}

func (v *visit) octets() int {
	n := 100 + len(v.folder.Raw)
	for _, q := range v.questions {
		n += q.octets()
	}
	return n
}

func (v *visit) ask() error {
	for _, q := range v.questions {
		m := v.s.conn.Begin(q.name, v.s.lit).Text(q.text)
		if err := m.End(); err != nil {
			return err
		}
		v.sent = append(v.sent, m)
	}
	if v.verb != "SELECT" || !v.s.has("UNSELECT") {
		return nil
	}
	v.after = v.s.conn.Begin("UNSELECT", v.s.lit)
	return v.after.End()
}

// opened reads the answer to EXAMINE or SELECT.
func (v *visit) opened() (refusal, err error) {
	s := v.s
	if err := v.left(v.before); err != nil {
		return nil, err
	}
	s.open = opened{folder: v.folder, writable: v.verb == "SELECT"}
	reply, err := s.conn.Await(v.open.Tag, s.opening)
	if err != nil {
		return nil, err
	}
	s.open.status.Messages = s.open.exists
	return replied(v.verb, reply), nil
}

// inTurn asks only after the folder was opened.
func (v *visit) inTurn() error {
	refusal, err := v.opened()
	if err == nil && refusal == nil {
		err = v.ask()
	}
	if err != nil {
		return err
	}
	return v.landed(v, refusal)
}

// landOne reads the answers to the oldest visit.
func (f *flight) landOne() error {
	v := f.air[0]
	f.air, f.octets = f.air[1:], f.octets-v.octets()
	refusal, err := v.opened()
	if err != nil {
		return err
	}
	if refusal != nil {
		if err := v.skip(); err != nil {
			return err
		}
	}
	if err := v.landed(v, refusal); err != nil {
		return err
	}
	return v.left(v.after)
}

// left reads the answer to an UNSELECT. Where no folder was open it is a BAD.
func (v *visit) left(unselect *wire.Command) error {
	if unselect == nil {
		return nil
	}
	_, err := v.s.conn.Await(unselect.Tag, nil)
	return err
}

// land reads the answers to everything.
func (f *flight) land() error {
	for len(f.air) > 0 {
		if err := f.landOne(); err != nil {
			return err
		}
	}
	f.s.open = opened{} // what the server has open is nobody's concern
	return nil
}

// await reads the answer to one question.
func (v *visit) await(n int, data wire.Data) (wire.Response, error) {
	return v.s.conn.Await(v.sent[n].Tag, data)
}

// skip reads answers that are of no use: those of a folder that did not open,
// or that is another one.
func (v *visit) skip() error {
	for n := range v.sent {
		if _, err := v.await(n, func(*wire.Response) (bool, error) { return true, nil }); err != nil {
			return err
		}
	}
	return nil
}

// fitting is how many of the questions fit into a flight together. A folder
// whose questions do not is visited more than once.
func fitting[Q interface{ octets() int }](all []Q) int {
	octets := 0
	for n, q := range all {
		if octets += q.octets(); n > 0 && octets > flightOctets {
			return n
		}
	}
	return len(all)
}
