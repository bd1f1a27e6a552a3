package imapstore

import (
	"context"
	"fmt"
	"strings"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// List implements mailsync.Source, in one round trip where the server can.
func (r *reader) List(ctx context.Context) (mailsync.Listing, error) {
	var l *listing
	err := r.s.do(ctx, "list folders", func() (err error) {
		l, err = r.s.list()
		return err
	})
	if err != nil {
		return mailsync.Listing{}, err
	}
	return l.result(), nil
}

// listing is an enumeration on its way.
type listing struct {
	s      *session
	all    []mailsync.Folder
	byName map[string]int
	subs   map[string]bool
}

func (s *session) list() (*listing, error) {
	l := &listing{s: s, byName: map[string]int{}, subs: map[string]bool{}}
	ok, err := l.extended()
	if err == nil && !ok {
		err = l.plain()
	}
	if err == nil {
		err = s.meet() // whose folders these are
	}
	if err != nil {
		return nil, err
	}
	return l, l.statuses()
}

// statusItems asks for what Status holds.
func (s *session) statusItems() string {
	if s.condstore() {
		return "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
	}
	return "(MESSAGES UIDNEXT UIDVALIDITY)"
}

// extended lists with RETURN (RFC 5258, RFC 5819, RFC 6154). It reports
// whether the server could.
func (l *listing) extended() (bool, error) {
	s := l.s
	if !s.has("LIST-EXTENDED") || s.plainList {
		return false, nil
	}
	options := "SUBSCRIBED"
	if s.has("SPECIAL-USE") {
		options += " SPECIAL-USE"
	}
	if s.has("LIST-STATUS") {
		options += " STATUS " + s.statusItems()
	}
	r, err := s.ask(s.conn.Begin("LIST", s.lit).Text(` "" "*" RETURN (`+options+`)`), l.data)
	if err != nil {
		return false, err
	}
	if r.Type != "OK" {
		s.plainList = true
		l.all, l.byName = nil, map[string]int{}
		return false, nil
	}
	return true, nil
}

// plain lists as RFC 3501 does, folders and subscriptions in one flight.
func (l *listing) plain() error {
	s := l.s
	list, lsub := s.conn.Begin("LIST", s.lit).Text(` "" "*"`), s.conn.Begin("LSUB", s.lit).Text(` "" "*"`)
	if err := list.End(); err != nil {
		return err
	}
	if err := lsub.End(); err != nil {
		return err
	}
	r, err := s.conn.Await(list.Tag, l.data)
	if err != nil {
		return err
	}
	if _, err := s.conn.Await(lsub.Tag, l.data); err != nil {
		return err
	}
	for i := range l.all {
		l.all[i].Subscribed = l.all[i].Subscribed || l.subs[key(l.all[i].Raw)]
	}
	return replied("LIST", r)
}

// data takes LIST, LSUB and STATUS responses, in whatever order they come.
func (l *listing) data(r *wire.Response) (bool, error) {
	switch r.Type {
	case "LIST":
		item, err := l.s.conn.R.List()
		if err != nil {
			return true, err
		}
		return true, l.add(item)
	case "LSUB":
		item, err := l.s.conn.R.List()
		if err == nil && len(l.subs) >= l.s.lim.MaxFolders {
			err = l.tooMany()
		}
		l.subs[key(item.Name)] = true
		return true, err
	case "STATUS":
		st, err := l.s.conn.R.Status()
		if err == nil {
			l.status(st)
		}
		return true, err
	}
	return false, nil
}

func (l *listing) tooMany() error {
	return &wire.ProtocolError{What: fmt.Sprintf("more than %d folders", l.s.lim.MaxFolders)}
}

// key is what a folder is found by: INBOX is the only name without case.
func key(raw string) string {
	if strings.EqualFold(raw, "INBOX") {
		return "INBOX"
	}
	return raw
}

// sameName reports whether a LIST response is about a name we sent. What lies
// below INBOX may come back in another spelling of it (RFC 3501 §5.1).
func sameName(raw string, item wire.Listed) bool {
	if key(raw) == key(item.Name) || item.Delim == 0 {
		return key(raw) == key(item.Name)
	}
	first, rest, below := strings.Cut(raw, string(item.Delim))
	other, same, _ := strings.Cut(item.Name, string(item.Delim))
	return below && key(first) == "INBOX" && key(other) == "INBOX" && rest == same
}

func (l *listing) add(item wire.Listed) error {
	if _, twice := l.byName[key(item.Name)]; twice || item.Name == "" {
		return nil
	}
	if len(l.all) >= l.s.lim.MaxFolders {
		return l.tooMany()
	}
	l.byName[key(item.Name)] = len(l.all)
	l.all = append(l.all, folder(item))
	return nil
}

func (l *listing) status(st wire.StatusOf) {
	i, ok := l.byName[key(st.Name)]
	if !ok || !st.Complete() {
		return
	}
	l.all[i].Status = &mailsync.Status{
		UIDValidity: st.UIDValidity, UIDNext: mailsync.UID(st.UIDNext),
		Messages: st.Messages, HighestModSeq: st.HighestModSeq,
	}
}

// folder reads a LIST response.
func folder(item wire.Listed) mailsync.Folder {
	return mailsync.Folder{
		Path: path(item.Name, item.Delim), Raw: item.Name, Delim: item.Delim, Use: use(item),
		Selectable: !item.Has(`\NoSelect`) && !item.Has(`\NonExistent`),
		Subscribed: item.Has(`\Subscribed`),
	}
}

func path(raw string, delim rune) []string {
	parts := []string{raw}
	if delim != 0 {
		parts = strings.Split(strings.TrimSuffix(raw, string(delim)), string(delim))
	}
	for i, p := range parts {
		parts[i] = wire.Text(p)
	}
	if strings.EqualFold(parts[0], "INBOX") {
		parts[0] = "INBOX"
	}
	return parts
}

// specialUses are the attributes of RFC 6154 and 8457 that name one purpose.
func specialUses() []string {
	return []string{`\All`, `\Archive`, `\Drafts`, `\Flagged`, `\Junk`, `\Sent`, `\Trash`, `\Important`}
}

func use(item wire.Listed) string {
	for _, u := range specialUses() {
		if item.Has(u) {
			return u
		}
	}
	return ""
}

// statusFlight is how many STATUS commands are sent before a reply is read.
const statusFlight = 100

// statuses asks for each folder a listing gave no status of: servers may lack
// LIST-STATUS, or leave folders out. One that refuses stays unknown.
func (l *listing) statuses() error {
	var missing []int
	for i, f := range l.all {
		if f.Selectable && f.Status == nil && !l.s.foreign(f.Raw) {
			missing = append(missing, i)
		}
	}
	for len(missing) > 0 {
		n := min(len(missing), statusFlight)
		if err := l.flight(missing[:n]); err != nil {
			return err
		}
		missing = missing[n:]
	}
	return nil
}

func (l *listing) flight(folders []int) error {
	var tags []string
	for _, i := range folders {
		if l.s.waits(l.all[i].Raw) {
			if err := l.await(&tags); err != nil {
				return err
			}
		}
		m := l.s.conn.Begin("STATUS", l.s.lit).Name(l.all[i].Raw).Text(" " + l.s.statusItems())
		if err := m.End(); err != nil {
			return err
		}
		tags = append(tags, m.Tag)
	}
	return l.await(&tags)
}

// await collects replies. A name that needs a go-ahead is sent alone: data of
// commands before it would come while waiting.
func (l *listing) await(tags *[]string) error {
	for _, tag := range *tags {
		if _, err := l.s.conn.Await(tag, l.data); err != nil {
			return err
		}
	}
	*tags = (*tags)[:0]
	return nil
}

// waits reports whether a name must be sent as a synchronising literal.
func (s *session) waits(raw string) bool {
	return s.lit == wire.Synchronising && !wire.Quotable(raw)
}

// foreign reports a name in another user's or a shared namespace (RFC 2342).
func (s *session) foreign(raw string) bool {
	for _, class := range s.ns[1:] {
		for _, ns := range class {
			bare := strings.TrimSuffix(ns.Prefix, string(ns.Delim))
			if ns.Prefix != "" && (strings.HasPrefix(raw, ns.Prefix) || raw == bare) {
				return true
			}
		}
	}
	return false
}

// personal returns the prefix and delimiter of the user's own namespace.
func (s *session) personal() (prefix string, delim rune, known bool) {
	if len(s.ns[0]) == 0 {
		return "", 0, false
	}
	return s.ns[0][0].Prefix, s.ns[0][0].Delim, true
}

func (l *listing) result() mailsync.Listing {
	out := mailsync.Listing{Labelled: l.s.labels()}
	for _, f := range l.all {
		if l.s.foreign(f.Raw) {
			out.Foreign = append(out.Foreign, strings.Join(f.Path, "/"))
			continue
		}
		out.Folders = append(out.Folders, f)
	}
	return out
}
