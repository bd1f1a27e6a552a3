package executor

import (
	"fmt"
	"time"

	"bascule/clientkit"
	"bascule/migration"
	"bascule/planner"
)

// writeKit writes a person's sheet.
func (t *tick) writeKit(in planner.Input, s planner.Step) (outcome, error) {
	m, err := mailbox(in, s.Action.Mailbox)
	if err != nil {
		return outcome{}, err
	}
	text, err := clientkit.Sheet(clientkit.For(m, exportsFor(in, m), switchTime(in)), in.Desired.Settings.Clients.Languages...)
	if err != nil {
		return outcome{}, fmt.Errorf("write the sheet of %s: %w", m.Email, err)
	}
	if err := t.World.WriteFile(sheetPath(in, m), []byte(text)); err != nil {
		return outcome{}, err
	}
	return outcome{done: true, before: linesImage(s.Before), after: linesImage(s.After), text: "wrote " + sheetPath(in, m)}, nil
}

// exportsFor is what the target offers the person; where it says nothing of
// IMAP, the endpoint that bascule itself uses is right for people too.
func exportsFor(in planner.Input, m migration.Mailbox) migration.Exports {
	to, err := server(in.Desired.Targets, m.Target.Server)
	if err != nil {
		return migration.Exports{}
	}
	x := to.Exports
	d, _ := domainOf(in, m.Email)
	if seen, ok := in.Observed.Targets[m.Target.Server].Exports[d.Name]; ok {
		x = seen
	}
	if x.IMAP.Host == "" {
		x.IMAP = migration.Service{Host: to.Endpoint.Host, Port: to.Endpoint.Port, TLS: to.Endpoint.TLS}
		if to.Endpoint.AllowPlaintext {
			x.IMAP.TLS = migration.NoTLS // as bascule itself speaks to it
		}
	}
	if x.Submission.Host == "" {
		x.Submission = migration.Service{Host: x.IMAP.Host, Port: 465, TLS: migration.Implicit}
	}
	return x
}

// switchTime is when the window opens next, in the migration's own zone; zero
// when no window says.
func switchTime(in planner.Input) time.Time {
	opens, ok := planner.NextWindow(in)
	if !ok {
		return time.Time{}
	}
	return opens
}
