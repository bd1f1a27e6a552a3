package planner

import (
	"fmt"
	"strings"
	"time"

	"bascule/migration"
)

// doubleReception: the old side goes on receiving from senders that kept the
// old MX, and is pulled until the soak is over and it is silent. Its passes
// are those of syncMail, which only add by now; here are the gates that end it.
func doubleReception(in Input, _ []Step) part {
	if len(in.Desired.Domains) == 0 {
		return part{}
	}
	return part{gates: []Gate{soakGate(in), silenceGate(in)}}
}

// cutoverAt is when the last MX was observed to have moved; ok is false
// before that.
func cutoverAt(in Input) (at time.Time, ok bool) {
	if !in.switchedOver() || in.State.Switch.Back != nil {
		return time.Time{}, false
	}
	at = in.State.Switch.Intent
	for _, d := range in.Desired.Domains {
		for _, step := range []string{"mx.add", "mx.remove"} {
			if done, recorded := in.State.DoneAt(d.Address, step); recorded && done.At.After(at) {
				at = done.At
			}
		}
	}
	return at, true
}

// soakGate counts from the observed cutover.
func soakGate(in Input) Gate {
	g := Gate{ID: GateSoak, Kind: GateSoak, Phase: migration.Decommission, Status: Closed, Because: "counts from the observed cutover, which is still to come"}
	at, ok := cutoverAt(in)
	if !ok {
		return g
	}
	soak := in.Desired.Settings.DoubleReception.Soak
	g.OpensAt = at.Add(soak)
	g.Because = fmt.Sprintf("%s since the cutover observed %s", text(soak), local(at, in.zone()))
	if !in.Now.Before(g.OpensAt) {
		g.Status = Open
	}
	return g
}

// silenceGate opens when nothing but junk has arrived on the old side for the
// duration, counting only time covered by successful looks.
func silenceGate(in Input) Gate {
	want := in.Desired.Settings.Decommission.Silence
	g := Gate{ID: GateSilence, Kind: GateSilence, Phase: migration.Decommission, Status: Closed, Because: "counts from the cutover, which is still to come"}
	at, ok := cutoverAt(in)
	if !ok {
		return g
	}
	g.Status, g.Because = Open, fmt.Sprintf("no mail has arrived on the old side for %s", text(want))
	for _, m := range in.Desired.Mailboxes {
		quiet := quietOf(in, m)
		if quiet >= want || in.acceptedFor("silence", m.Address) || in.acceptedFor("mailbox", m.Address) {
			continue
		}
		g.worsen(Closed, quietText(in, m))
		if opens := in.Now.Add(want - quiet); opens.After(g.OpensAt) {
			g.OpensAt = opens
		}
	}
	if g.Status == Closed {
		g.Because = fmt.Sprintf("the old side has not been silent for %s", text(want))
		if wait := in.Desired.Settings.Decommission.MaxWait; wait > 0 && in.Now.Sub(at) > wait {
			g.Status, g.Next = Person, "tell the remaining senders, or accept them by name: an accept block with check = \"silence\" and sender"
		}
	}
	return g
}

// quietOf is for how long nothing has arrived, the mail of accepted senders
// left out. Where none of them has written, that is what the looks themselves
// say: it holds for all mail, of unknown senders too.
func quietOf(in Input, m migration.Mailbox) time.Duration {
	s := in.mailbox(m.Address).Silence
	quiet, accepted := s.Covered, false
	for _, x := range s.Senders {
		if in.acceptedSender(m.Address, x.Address) {
			accepted = true
			continue
		}
		quiet = min(quiet, x.Quiet)
	}
	if !accepted {
		return s.Quiet
	}
	return max(quiet, s.Quiet)
}

// writers names who still writes to the old side and was not accepted,
// within the silence that is wanted.
func writers(in Input, m migration.Mailbox) string {
	var names []string
	for _, x := range in.mailbox(m.Address).Silence.Senders {
		if x.Quiet >= in.Desired.Settings.Decommission.Silence || in.acceptedSender(m.Address, x.Address) {
			continue
		}
		name := x.Address
		if name == "" {
			name = "senders that cannot be named"
		}
		names = append(names, fmt.Sprintf("%s (%d, last %s)", name, x.Messages, local(x.Last, in.zone())))
	}
	return strings.TrimSuffix(thereIs(names, "", "; from "), ".")
}

func quietText(in Input, m migration.Mailbox) string {
	s := in.mailbox(m.Address).Silence
	out := fmt.Sprintf("%s: silent for %s", m.Address, text(quietOf(in, m)))
	if !s.LastArrival.IsZero() {
		out += ", last arrival " + local(s.LastArrival, in.zone())
	}
	if s.LastLook.IsZero() {
		return fmt.Sprintf("%s: not looked at since the cutover", m.Address)
	}
	out += writers(in, m)
	if s.LastTry.After(s.LastLook) {
		out += "; the last look failed, and its time does not count"
	}
	return out
}

// text shows a duration as people write it: 72h, 45m.
func text(d time.Duration) string {
	d = d.Round(time.Minute)
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, (d%time.Hour)/time.Minute)
	default:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
}
