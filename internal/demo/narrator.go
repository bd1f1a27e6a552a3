package demo

import "bascule/migration"

// Narration is what the audience is told of a phase.
type Narration struct {
	Phase migration.Phase
	// When is the moment, counted from the cutover: "J-7".
	When string
	// What happens, and why it happens now.
	What, Why string
}

// Narrations tells the method, one entry per phase, in order.
func Narrations() []Narration {
	return []Narration{
		{migration.Prepare, "J-7",
			"Both sides are reached and remembered; accounts, the alias, the merged SPF record and the DKIM key are made on the new side.",
			"Nothing points there yet, so nothing can go wrong there yet; whatever is missing shows a week early."},
		{migration.LowerTTL, "J-3",
			"The records that will move get a lifetime of five minutes on both name servers; the old value is kept.",
			"The world remembers an answer as long as it was told to: it must be told something short before the answer changes."},
		{migration.Sync, "J-7 … J",
			"Every message is copied with folder, date and flags; what people do meanwhile follows within minutes.",
			"On the day there is almost nothing left to carry, however large the mailboxes are."},
		{migration.Verify, "J-1",
			"Every copy is read back and compared octet by octet; the new MX is asked about every address; people get their settings.",
			"The switch is allowed by evidence, not by hope; people need their settings before it, not after."},
		{migration.Cutover, "J",
			"The new MX is added, seen on every name server, and only then the old one is removed.",
			"At no moment is the domain without an MX, and old and new answers are both right while they spread."},
		{migration.DoubleReception, "J … J+3",
			"Senders that remember the old MX still write there; their mail is pulled over as it comes, and nothing is taken away on the new side.",
			"Some caches and servers are slow for days; what people now do on the new side is theirs."},
		{migration.Clients, "J-1 … J+3",
			"The records by which mail programs configure themselves lead to the new side.",
			"A new telephone should find the new service by itself; an old one should not find the old."},
		{migration.Decommission, "J+3",
			"The old side stops receiving, the last letters come over, everything is compared once more, TTL and SPF are put in order.",
			"Only silence that was looked at counts as silence; the proof is written when nothing can arrive any more."},
	}
}

// Narrate returns what to tell of a phase.
func Narrate(p migration.Phase) (Narration, bool) {
	for _, n := range Narrations() {
		if n.Phase == p {
			return n, true
		}
	}
	return Narration{}, false
}
