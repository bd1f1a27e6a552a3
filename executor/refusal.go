package executor

import (
	"fmt"

	"bascule/mailsync"
	"bascule/mailsync/folders"
	"bascule/migration"
)

// Spared is a safety limit that held: deletions that were due and not made.
type Spared struct {
	Mailbox migration.Address `json:"mailbox"`
	// Rule is what refused, Count how many it spared; Items name the first.
	Rule  string   `json:"rule"`
	Count int      `json:"count"`
	Items []string `json:"items"`
}

// maxSpared bounds the messages that one refusal names.
const maxSpared = 20

// sparedBy tells what the ceiling of deletions spared in a pass, if it did.
func sparedBy(j job, r mailsync.Report) (Spared, bool) {
	if r.Refusal == "" {
		return Spared{}, false
	}
	s := Spared{Mailbox: j.mailbox.Address, Count: r.Spared, Rule: fmt.Sprintf("sync.max_delete = \"%.4g%%\": %s", j.sync.MaxDelete*100, r.Refusal), Items: []string{}}
	for _, f := range r.SparedFirst[:min(len(r.SparedFirst), maxSpared)] {
		s.Items = append(s.Items, fmt.Sprintf("%s UID %d, %s", folders.Show(f.Folder), f.UID, f.Text))
	}
	return s, true
}

// Error words it for the person who has to decide.
func (s Spared) Error() string {
	text := s.Rule
	for _, item := range s.Items {
		text += "\n  " + item
	}
	if more := s.Count - len(s.Items); more > 0 {
		text += fmt.Sprintf("\n  and %d more", more)
	}
	return text + "\nFind out why they vanished on the source. If that was meant, raise max_delete."
}
