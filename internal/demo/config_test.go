package demo

import (
	"slices"
	"testing"
	"testing/fstest"

	"bascule/config"
	"bascule/migration"
)

func TestTheConfigurationLoads(t *testing.T) {
	w, _ := start(t)
	c, diags := config.Load(fstest.MapFS{
		"demo.hcl": {Data: w.Config()}, CAFile: {Data: w.ca.pem},
	}, config.Options{Catalog: w.Catalog()})
	if len(diags) > 0 {
		t.Fatalf("%v\n%s", diags, w.Config())
	}
	d := c.Desired()
	var emails []string
	for _, m := range d.Mailboxes {
		emails = append(emails, m.Email)
		for _, s := range []migration.Secret{m.Source.Password, m.Target.Password} {
			if name := s.Locator[len("env:"):]; w.Env()[name] == "" {
				t.Errorf("%s: no secret %s", m.Email, s.Locator)
			}
		}
	}
	slices.Sort(emails)
	if want := []string{address("alice"), address("bob"), address("info")}; !slices.Equal(emails, want) {
		t.Errorf("mailboxes %v, want %v", emails, want)
	}
	if win := d.Settings.Cutover.Window; !win.NotBefore.Equal(w.Cutover().Truncate(24*60*60*1e9)) || win.Start != 6*60 {
		t.Errorf("window %+v, cutover %v", win, w.Cutover())
	}
}
