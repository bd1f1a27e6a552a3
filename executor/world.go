package executor

import (
	"context"
	"io"
	"time"

	"bascule/internal/clock"
	"bascule/internal/diag"
	"bascule/internal/secret"
	"bascule/maildns"
	"bascule/mailsync"
	"bascule/mailsync/limits"
	"bascule/migration"
	"bascule/planner"
	"bascule/providers"
	"bascule/state"
)

// World is everything outside that a tick may touch. The composition root
// fills it in; tests put fakes there.
type World struct {
	Store state.Store
	Clock clock.Clock
	// Random is where unguessable names are drawn from.
	Random io.Reader
	// Look observes both sides and the zones afresh. Diagnostics are the
	// configuration's second evaluation.
	Look func(ctx context.Context, s *state.State) (planner.Input, diag.List, error)
	// OpenSource and OpenTarget connect to one mailbox and log in. pin, when
	// there is one, is what the server must prove to be.
	OpenSource func(ctx context.Context, server migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Source, error)
	OpenTarget func(ctx context.Context, server migration.Server, m migration.Mailbox, pin *state.Pin) (mailsync.Target, error)
	// Limits is what the passes of the run share; sources and targets are
	// opened through its accounts (AccountOf).
	Limits     *limits.Set
	OpenLedger func(ctx context.Context, mailbox migration.Address) (mailsync.Ledger, error)
	Provider   func(ctx context.Context, target migration.Address) (providers.Provider, error)
	Secret     func(ctx context.Context, s migration.Secret) (secret.Value, error)
	// Writer changes the zones of a dns block.
	Writer func(ctx context.Context, dns migration.Address) (ZoneWriter, error)
	// Snapshot asks a domain's authoritative servers.
	Snapshot func(ctx context.Context, d migration.Domain, keys []maildns.Key) (maildns.Zone, error)
	// Recipients asks mail servers whether they accept addresses (RCPT TO, no DATA).
	Recipients func(ctx context.Context, q migration.RecipientQuery) []migration.RecipientAnswer
	// CountSPF resolves what an SPF record costs.
	CountSPF func(ctx context.Context, domain, record string) maildns.SPFCount
	// WriteFile writes a document below the configuration's directory.
	WriteFile func(name string, content []byte) error
	// Tap is called at every journal record and write, for tests that stop
	// the world there; nil otherwise.
	Tap func(point string)
}

// ZoneWriter changes one record set from before to after and proves it at the
// authoritative servers.
type ZoneWriter interface {
	ReplaceRRset(ctx context.Context, zone string, before, after maildns.RRset) error
}

// Reporter is told what happens, for people and machines.
type Reporter interface {
	Step(Event)
	Progress(Progress)
}

// Event is one thing that happened.
type Event struct {
	At   time.Time
	Kind string // "begin", "done", "failed", "note", "pull"
	Step string
	// Phase is that of the step; 0 for what belongs to none.
	Phase   migration.Phase
	Address migration.Address
	Text    string
	// Long steps take minutes: that one begins is worth telling.
	Long bool
}

// Progress is how far a pass is.
type Progress struct {
	Mailbox     migration.Address
	Folder      string
	Done, Total int
	Bytes       int64
}

func (w World) tap(point string) {
	if w.Tap != nil {
		w.Tap(point)
	}
}
