package mailsync

// A folder that both sides' servers keep a history of is not listed again. The
// rows say what it held, the history what became of it, and a search what is
// there now. Whatever a quiet row does not speak for is asked about by its UID,
// so that nothing is decided about a message by what a row remembers of it.

// before is how the folders of a pair stood when the rows said everything about
// them; nil where a side has to be listed. What a folder of labels holds depends
// on the names of all messages, which no row has.
func (p *pass) before(s *PairState) (source, target *Status) {
	if s.Pair.ID == 0 || s.Pair.Pending > 0 || !s.SourceListed || p.state.listing.Labelled {
		return nil, nil
	}
	source = s.Pair.Source.historic()
	if !s.excluded() {
		target = s.Pair.Target.historic()
	}
	return source, target
}

// historic is a standing that a server can be asked about.
func (s *Side) historic() *Status {
	if s.HighestModSeq == 0 || s.UIDValidity == 0 {
		return nil
	}
	return &s.Status
}

// nothing is known of how the folders of a pair stood.
func nothing(*PairState) (source, target *Status) { return nil, nil }

// outlined makes the view one of all UIDs, of which only what changed was told.
// It reports whether the search, the history, the count and how the folder
// stood then fit together; if not, nothing follows from any of it.
func (v *View) outlined(then Status, c Changes) bool {
	present := newOutline(c.Present)
	v.vanished = newOutline(c.Vanished)
	for n := range v.messages.n {
		if !present.has(v.messages.nth(n).uid) {
			return false
		}
	}
	v.messages.outline, v.messages.partial = present, true
	kept := present.below(then.UIDNext)
	return v.UIDValidity == then.UIDValidity && v.UIDNext >= then.UIDNext && v.HighestModSeq >= then.HighestModSeq &&
		present.count() == int(v.Messages) && present.below(v.UIDNext) == int(v.Messages) && !present.meets(v.vanished) &&
		kept <= int(then.Messages) && kept+v.vanished.count() >= int(then.Messages)
}

// lost reports whether a UID is neither there nor among those that vanished.
func (v *View) lost(uid UID) bool {
	return v.messages.partial && !v.messages.outline.has(uid) && !v.vanished.has(uid)
}

// contradicts reports whether a view of changes leaves open what became of a
// message of a row: the search misses it, the history does not name it. Nor
// can such a view tell whether a message is as it was sent.
func (s *PairState) contradicts(r *Row) bool {
	if r.Outcome != Gone && r.SourceValidity == s.Source.UIDValidity && s.Source.lost(r.SourceUID) {
		return true
	}
	if !r.Outcome.Live() || r.TargetFolder != nil || r.TargetValidity != s.Target.UIDValidity {
		return false
	}
	i, there := s.Target.messages.search(r.TargetUID)
	return s.Target.lost(r.TargetUID) || there && !r.Settled && !s.Target.messages.told(i)
}

// untold are the UIDs, in ranges, of messages that were not told and that no
// quiet row speaks for.
func (r *roll) untold(quiet marks) (out []UIDRange) {
	for i := range r.len() {
		if quiet.has(i) || r.told(i) {
			continue
		}
		uid := r.outline.at(i)
		if n := len(out); n > 0 && out[n-1].Last+1 == uid {
			out[n-1].Last = uid
			continue
		}
		out = append(out, UIDRange{uid, uid})
	}
	return out
}

// completed reports whether everything that something may be decided about was told.
func (v *View) completed(quiet marks) bool {
	return !v.messages.partial || v.Known && len(v.messages.untold(quiet)) == 0
}
