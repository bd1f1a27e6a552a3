package storetest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bascule/mailsync"
)

// readsMany: octets of many folders are those of reading one by one, and a
// folder that is not there, or another one, is refused and hides nothing.
func readsMany(t *testing.T, f Fixture) {
	s := f.begin(t)
	r, ok := s.target.(mailsync.Reader)
	if !ok {
		t.Skip("folders are read one by one")
	}
	want := map[string]string{}
	readings := []mailsync.Reading{{Folder: mailsync.Folder{Path: []string{"Fantome"}, Raw: "Fantome"}, Validity: 1, UIDs: []mailsync.UID{1, 2}}}
	for n := range 30 {
		s.fill(n)
		g := mailsync.Reading{Folder: s.folder, Validity: s.status.UIDValidity, UIDs: append(s.uids(), 4000)}
		if n == 7 {
			g.Validity++
		} else {
			for u, text := range s.texts() {
				want[fmt.Sprint(n+1, " ", u)] = text
			}
		}
		readings = append(readings, g)
	}
	got := map[string]string{}
	refusals, err := r.ReadAll(s.ctx, readings, func(i int, m mailsync.Meta, octets int64, body io.Reader) error {
		text, err := io.ReadAll(body)
		got[fmt.Sprint(i, " ", m.UID)] = string(text)
		if int64(len(text)) != octets {
			t.Errorf("message %d of reading %d: %d octets announced, %d there", m.UID, i, octets, len(text))
		}
		return err
	})
	if err != nil || len(refusals) != len(readings) || refusals[0] == nil || refusals[8] == nil {
		t.Fatalf("%v, %v", refusals, err)
	}
	refusals[0], refusals[8] = nil, nil
	if d := cmp.Diff(want, got); d != "" || errors.Join(refusals...) != nil {
		t.Fatalf("%v (-by itself +at once):\n%.2000s", refusals, d)
	}
	s.selectFolder(s.folder) // the connection is in step
}

// fill makes another folder and opens it.
func (s *suite) fill(n int) {
	s.t.Helper()
	folder, err := s.target.Create(s.ctx, []string{fmt.Sprintf("Lot %d", n)}, "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.folder = folder
	for i := range n % 4 {
		s.append(mail(i), mail(n))
	}
	s.selectFolder(folder)
}

func (s *suite) texts() map[mailsync.UID]string {
	s.t.Helper()
	uids := s.uids()
	if len(uids) == 0 {
		return nil
	}
	texts, missing := s.bodies(uids)
	if len(missing) > 0 {
		s.t.Fatal(missing)
	}
	return texts
}

// storesMany: changes of flags in many folders are made in each, in order; a
// folder that is not there refuses and nothing is done elsewhere for it.
func storesMany(t *testing.T, f Fixture) {
	s := f.begin(t)
	w, ok := s.target.(mailsync.Storer)
	if !ok {
		t.Skip("flags are changed folder by folder")
	}
	var asked []mailsync.Storing
	for n := range 30 {
		s.fill(n)
		g := mailsync.Storing{Folder: s.folder, Validity: s.status.UIDValidity}
		if u := s.uids(); len(u) > 0 && n%5 > 0 {
			g.Changes = []mailsync.FlagChange{{UIDs: u, Flag: `\Flagged`}, {UIDs: u[1:], Flag: `\Seen`, Remove: true},
				{UIDs: u[:1], Flag: `\Flagged`, Remove: true}, {UIDs: u[1:], Flag: `\Draft`}}
		}
		asked = append(asked, g)
		if n%10 == 3 {
			asked = append(asked, mailsync.Storing{Folder: mailsync.Folder{Path: []string{"Fantome"}, Raw: "Fantome"}, Validity: 1,
				Changes: []mailsync.FlagChange{{UIDs: []mailsync.UID{1, 2, 3}, Flag: `\Deleted`}}})
		}
	}
	stored, err := w.StoreAll(s.ctx, asked)
	if err != nil || len(stored) != len(asked) {
		t.Fatalf("%d answers to %d folders, %v", len(stored), len(asked), err)
	}
	for i, g := range asked {
		if g.Folder.Raw == "Fantome" {
			if stored[i].Err == nil {
				t.Error("a folder that is not there was opened")
			}
			continue
		}
		s.selectFolder(g.Folder)
		if x := stored[i]; x.Err != nil || x.Replaced(g.Validity) || len(x.Refusals) != len(g.Changes) || errors.Join(x.Refusals...) != nil ||
			x.Accepts.UIDPlus != s.target.Accepts().UIDPlus || !slices.Contains(x.Accepts.Flags, `\Flagged`) {
			t.Errorf("%v: %+v", g.Folder.Path, x)
		}
		for k, m := range s.scan(0) {
			want := []string{`\Answered`, `\Draft`, `\Flagged`}
			if len(g.Changes) == 0 || k == 0 {
				want = []string{`\Answered`, `\Seen`}
			}
			if d := cmp.Diff(want, m.Flags); d != "" {
				t.Errorf("%v, message %d: %s", g.Folder.Path, m.UID, d)
			}
		}
	}
}

// expungesMany: of many folders exactly the named messages go that are marked.
func expungesMany(t *testing.T, f Fixture) {
	s := f.begin(t)
	w, ok := s.target.(mailsync.Storer)
	if !ok || !s.target.Accepts().UIDPlus {
		t.Skip("messages are expunged folder by folder")
	}
	var marks []mailsync.Storing
	var asked []mailsync.Removal
	want := map[string][]mailsync.UID{}
	for n := range 30 {
		s.fill(n)
		u := s.uids()
		want[s.folder.Raw] = u
		if len(u) < 4 {
			continue
		}
		// The first is marked and not named, the last named and not marked.
		marks = append(marks, mailsync.Storing{Folder: s.folder, Changes: []mailsync.FlagChange{{UIDs: u[:3], Flag: `\Deleted`}}})
		asked = append(asked, mailsync.Removal{Folder: s.folder, UIDs: []mailsync.UID{u[1], u[2], u[3], 4000}})
		want[s.folder.Raw] = append([]mailsync.UID{u[0]}, u[3:]...)
	}
	if _, err := w.StoreAll(s.ctx, marks); err != nil {
		t.Fatal(err)
	}
	done, err := w.ExpungeAll(s.ctx, asked)
	if err != nil || len(done) != len(asked) {
		t.Fatalf("%d answers to %d folders, %v", len(done), len(asked), err)
	}
	for i, g := range asked {
		if x := done[i]; x.Err != nil || errors.Join(x.Refusals...) != nil || x.Status.UIDValidity == 0 {
			t.Errorf("%v: %+v", g.Folder.Path, x)
		}
	}
	l, err := s.target.List(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range l.Folders {
		if w, ok := want[folder.Raw]; ok {
			s.selectFolder(folder)
			if got := s.uids(); !slices.Equal(got, w) {
				t.Errorf("%v holds %v, not %v", folder.Path, got, w)
			}
		}
	}
}
