package mailsync

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"bascule/mailsync/folders"
)

// On a server whose folders are labels (Gmail, X-GM-EXT-1) one folder shows all
// mail, and others show what bears a mark. A message of such a view that is in
// another carried folder as well is copied there and not once more: for us the
// view has it no longer. When the last label goes it has it again, and the copy
// moves there; so it moves to the folder of a label that is added.

// views reports whether a folder shows messages that other folders have.
func (l Listing) views(f Folder) bool {
	return l.Labelled && (f.Use == `\All` || f.Use == `\Flagged` || f.Use == `\Important`)
}

// Mapped is what a listing tells folders.Map, and its first delimiter.
func (l Listing) Mapped() (list []folders.Folder, delim rune) {
	for _, f := range l.Folders {
		if delim == 0 {
			delim = f.Delim
		}
		if f.Selectable {
			rest := l.views(f) && f.Use == `\All`
			list = append(list, folders.Folder{Path: f.Path, Use: f.Use, Rest: rest, View: l.views(f) && !rest})
		}
	}
	return list, delim
}

// labels are the folders, by label, whose messages a view shows.
type labels map[string]*PairState

// labelKey makes labels comparable: those of the system begin with a backslash,
// all others are names of folders.
func labelKey(label string) string {
	if strings.HasPrefix(label, `\`) {
		return strings.ToLower(label)
	}
	return folderKey(strings.Split(label, "/"))
}

// systemLabels are the labels of folders that a person did not make.
func systemLabels(f Folder) []string {
	switch {
	case folderKey(f.Path) == "INBOX":
		return []string{`\inbox`}
	case f.Use == `\Sent`:
		return []string{`\sent`}
	case f.Use == `\Drafts`:
		return []string{`\draft`, `\drafts`}
	case f.Use == `\Trash`:
		return []string{`\trash`}
	case f.Use == `\Junk`:
		return []string{`\spam`, `\junk`}
	}
	return nil
}

// label tells each view that is carried which folders it shows messages of.
func (p *pass) label() {
	all := labels{}
	for _, s := range p.state.pairs {
		f, ok := p.sourceFolder(s)
		if !ok || s.excluded() || p.state.listing.views(f) {
			continue
		}
		all[folderKey(f.Path)] = s
		for _, l := range systemLabels(f) {
			all[l] = s
		}
	}
	for _, s := range p.state.pairs {
		if f, ok := p.sourceFolder(s); ok && p.state.listing.views(f) {
			if s.view = true; !s.excluded() {
				s.labels = all
			}
		}
	}
}

// homes are the carried folders that the labels of a message name.
func (s *PairState) homes(i int) (out []*PairState) {
	for _, l := range s.Source.messages.names.labels(i) {
		if home := s.labels[labelKey(l)]; home != nil {
			out = append(out, home)
		}
	}
	return out
}

// mayBeElsewhere reports whether a message of a view may be in another folder,
// as far as its labels tell.
func (s *PairState) mayBeElsewhere(i int) bool {
	return s.labels != nil && (!s.Source.messages.names.labelled || len(s.homes(i)) > 0)
}

// withViews adds the views to what is looked at: a label that changed on a
// message changes the folder of the label, and perhaps no other.
func (p *pass) withViews(due []*PairState) []*PairState {
	if len(due) == 0 {
		return nil
	}
	for _, s := range p.state.pairs {
		if s.labels != nil && !slices.Contains(due, s) {
			due = append(due, s)
		}
	}
	return due
}

// file finds out which messages of views are in other folders as well.
func (p *pass) file(ctx context.Context) error {
	var views []*PairState
	for _, s := range p.state.pairs {
		if s.labels != nil && s.Source.Known {
			views = append(views, s)
		}
	}
	if len(views) == 0 {
		return nil
	}
	if err := p.lookAtHomes(ctx, views); err != nil {
		return err
	}
	shown := p.shownElsewhere(views[0].labels)
	for _, s := range views {
		p.fileView(s, shown)
		if err := p.secure(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// lookAtHomes looks at folders that were not opened, where a label alone does
// not say enough: the server shows fewer messages in one than bear its label,
// or a copy of ours may have become one too many.
func (p *pass) lookAtHomes(ctx context.Context, views []*PairState) error {
	wanted := map[*PairState]bool{}
	for _, s := range views {
		s.wantHomes(wanted, func(home *PairState) *Status { return p.state.sources[folderKey(home.Pair.Source.Path)].Status })
	}
	var due []*PairState
	for _, s := range p.state.pairs {
		if wanted[s] && !s.Source.Known && !p.tried(s) {
			due = append(due, s)
		}
	}
	if err := p.surveyPairs(ctx, due); err != nil {
		return err
	}
	for _, s := range due {
		if err := p.folderError(ctx, s, p.lookAt(ctx, s)); err != nil {
			return err
		}
	}
	return nil
}

// tried: a folder that could not be read a moment ago is not read again.
func (p *pass) tried(s *PairState) bool { return p.state.reports[s.Pair.ID].Opened }

func (s *PairState) wantHomes(wanted map[*PairState]bool, status func(*PairState) *Status) {
	if !s.Source.messages.names.labelled {
		for _, home := range s.labels {
			wanted[home] = true
		}
		return
	}
	bear := map[*PairState]uint32{}
	for id, n := range s.Source.messages.names.counts() {
		for _, l := range s.Source.messages.names.sets[id] {
			if home := s.labels[labelKey(l)]; home != nil {
				bear[home] += n
			}
		}
	}
	for home, n := range bear {
		if st := status(home); st == nil || st.Messages < n {
			wanted[home] = true
		}
	}
	for _, r := range s.Rows {
		if i, ok := s.placeOf(r); ok && r.Outcome.Live() {
			for _, home := range s.homes(i) {
				wanted[home] = true
			}
		}
	}
}

// placeOf is where the message of a row is in the source view.
func (s *PairState) placeOf(r *Row) (int, bool) {
	if r.Pair != s.Pair.ID || r.SourceValidity != s.Source.UIDValidity {
		return 0, false
	}
	return s.Source.messages.search(r.SourceUID)
}

// shownElsewhere lists, sorted, the names of all messages of folders that were read.
func (p *pass) shownElsewhere(by labels) []ObjectID {
	var read []*PairState
	room := 0
	for _, s := range p.state.pairs {
		if by[folderKey(s.Pair.Source.Path)] == s && s.Source.Known {
			read, room = append(read, s), room+s.Source.Len()
		}
	}
	out := make([]ObjectID, 0, room)
	for _, s := range read {
		for i := range s.Source.Len() {
			if id := s.Source.messages.object(i); !id.IsZero() {
				out = append(out, id)
			}
		}
	}
	slices.SortFunc(out, ObjectID.compare)
	return out
}

func (id ObjectID) compare(other ObjectID) int { return bytes.Compare(id[:], other[:]) }

// fileView marks the messages of a view that a folder shows that was read, or
// has by its label and was not. Whatever cannot be told is the view's own.
func (p *pass) fileView(s *PairState, shown []ObjectID) {
	s.elsewhere = nil
	f := p.state.reports[s.Pair.ID]
	trusted := map[uint32]bool{}
	for id, labels := range s.Source.messages.names.sets {
		trusted[uint32(id)] = slices.ContainsFunc(labels, func(l string) bool {
			home := s.labels[labelKey(l)]
			return home != nil && !home.Source.Known
		})
	}
	for i := range s.Source.Len() {
		x := s.Source.messages.names.at(i)
		_, found := slices.BinarySearchFunc(shown, x.object, ObjectID.compare)
		if found && !x.object.IsZero() || trusted[x.labels] {
			s.elsewhere.set(i)
			f.Elsewhere++
			f.Avoided += s.Source.messages.size(i)
		}
	}
	if names := &s.Source.messages.names; s.Source.Len() > 0 && !names.labelled && names.n == 0 {
		p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("%s: the source does not tell which messages are in other folders as well: they are copied once more", showPath(s.Pair.Source.Path)))
	}
}

// secure finds our copies in a view whose message is in another folder, and has
// its own copy there: on no weaker evidence is one of them given up.
func (p *pass) secure(ctx context.Context, s *PairState) error {
	s.secured = map[int64]bool{}
	wanted := map[Digest][]*Row{}
	for _, r := range s.Rows {
		if i, ok := s.placeOf(r); ok && r.Outcome.Live() && s.elsewhere.has(i) && !r.Digest.IsZero() {
			own := p.Personality.own(r)
			wanted[own] = append(wanted[own], r)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	for _, home := range p.state.pairs {
		if s.labels[folderKey(home.Pair.Source.Path)] != home || !home.Source.Known || !home.Target.Known {
			continue
		}
		err := p.Ledger.Rows(ctx, home.Pair.ID, func(r Row) error {
			for _, mine := range wanted[p.Personality.own(&r)] {
				if s.sameObject(mine, home, &r) && home.holdsCopy(&r) {
					s.secured[mine.ID] = true
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
	}
	return nil
}

func (s *PairState) sameObject(mine *Row, home *PairState, r *Row) bool {
	i, ok := s.placeOf(mine)
	j, there := home.placeOf(r)
	return ok && there && s.Source.messages.object(i) == home.Source.messages.object(j)
}

// holdsCopy: the copy of a row was seen in the pair's own folder.
func (s *PairState) holdsCopy(r *Row) bool {
	_, there := s.Target.messages.search(r.TargetUID)
	return there && r.Outcome.Live() && r.TargetFolder == nil && r.TargetValidity == s.Target.UIDValidity
}

// countElsewhere completes the report. When no view was looked at nothing had
// changed, and what has no row is what was elsewhere then.
func (p *pass) countElsewhere() {
	r := &p.report
	r.Elsewhere, r.Avoided = 0, 0
	opened, views := false, false
	for _, s := range p.state.pairs {
		f := p.state.reports[s.Pair.ID]
		views, opened = views || s.labels != nil, opened || f.Opened
		r.Elsewhere, r.Avoided = r.Elsewhere+f.Elsewhere, r.Avoided+f.Avoided
	}
	if views && !opened {
		r.Elsewhere = r.SourceMessages
		for o, n := range r.Totals {
			if o != Gone {
				r.Elsewhere -= n
			}
		}
		r.Elsewhere = max(r.Elsewhere, 0)
	}
	if r.Elsewhere > 0 {
		r.Totals[Excluded] += r.Elsewhere
	}
}

// counts is how many messages have each set of labels.
func (l *names) counts() map[uint32]uint32 {
	out := map[uint32]uint32{}
	for i := range l.n {
		if id := l.at(i).labels; id > 0 {
			out[id]++
		}
	}
	return out
}
