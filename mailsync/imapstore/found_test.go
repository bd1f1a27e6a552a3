package imapstore

import (
	"strings"
	"testing"

	"bascule/mailsync"
)

// TestARefusedFolderIsNotSubscribed: SUBSCRIBE follows CREATE without waiting,
// and a server may do it for a name that it refused to make.
func TestARefusedFolderIsNotSubscribed(t *testing.T) {
	cfg, p := scripted(t, "LITERAL+", func(p *peer, tag, cmd string) {
		switch {
		case strings.HasPrefix(cmd, "LIST") && strings.Contains(cmd, "Good"):
			p.send(`* LIST () "/" "Good"`)
		case strings.HasPrefix(cmd, `LIST "" ""`):
			p.send(`* LIST (\NoSelect) "/" ""`)
		case strings.HasPrefix(cmd, "CREATE") && strings.Contains(cmd, "Bad"):
			p.send(tag + " NO [CANNOT] not this one")
			return
		}
		p.send(tag + " OK done")
	})
	asked := []mailsync.NewFolder{{Path: []string{"Bad"}, Subscribe: true}, {Path: []string{"Good"}, Subscribe: true}}
	made, err := target(t, cfg).CreateAll(t.Context(), asked)
	if err != nil || made[0].Err == nil || made[0].Subscribed || made[1].Err != nil || !made[1].Subscribed {
		t.Fatalf("%+v, %v", made, err)
	}
	said := p.transcript()
	if strings.Count(said, `UNSUBSCRIBE "Bad"`) != 1 || strings.Contains(said, `UNSUBSCRIBE "Good"`) {
		t.Fatal(said)
	}
}
