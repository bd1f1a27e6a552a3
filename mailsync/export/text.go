package export

import (
	"fmt"
	"strings"
	"time"

	"bascule/internal/safetext"
)

// Text is the index for people, remote text made harmless.
func (x Index) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Messages of %s that the target refused: %d\nwritten %s\n", safetext.Line(x.Mailbox), len(x.Messages), x.Written.Format(time.RFC3339))
	for _, e := range x.Messages {
		fmt.Fprintf(&b, "\n%s\n", safetext.Line(e.Name))
		for _, line := range [][2]string{
			{"file", e.File}, {"folder", e.Folder}, {"uid", fmt.Sprint(e.UID)}, {"date", e.Date.Format(time.RFC3339)}, {"octets", fmt.Sprint(e.Size)},
			{"sha256", e.SHA256}, {"reply", e.Reply}, {"problem", e.Problem},
		} {
			if line[1] != "" {
				fmt.Fprintf(&b, "  %-8s %s\n", line[0], safetext.Line(line[1]))
			}
		}
	}
	return b.String()
}
