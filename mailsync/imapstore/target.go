package imapstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bascule/mailsync"
	"bascule/mailsync/wire"
)

// Target is the side that is written.
type Target struct {
	*reader
	// single is set once the server failed at MULTIAPPEND.
	single bool
	// ask is set while refusals are looked for.
	ask bool
}

var _ mailsync.Asker = (*Target)(nil)

// AskFirst implements mailsync.Asker: literals wait for the go-ahead (RFC 3501 §7.5).
func (t *Target) AskFirst(ask bool) { t.ask = ask }

// OpenTarget connects and logs in.
func OpenTarget(ctx context.Context, cfg Config) (*Target, error) {
	s, err := start(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	return &Target{reader: &reader{s}}, nil
}

// Select implements mailsync.Target.
func (t *Target) Select(ctx context.Context, f mailsync.Folder) (mailsync.Status, error) {
	return t.s.openFolder(ctx, "SELECT", f)
}

// Accepts implements mailsync.Target.
func (t *Target) Accepts() mailsync.Accepts { return t.accepts(&t.s.open) }

func (t *Target) accepts(o *opened) mailsync.Accepts {
	a := mailsync.Accepts{
		Writes:  wire.ValidFlag,
		MaxSize: t.s.appendLimit(), UIDPlus: t.s.has("UIDPLUS"), Move: t.s.has("MOVE"), MultiAppend: t.multi(),
	}
	if !o.hasPermanent {
		// RFC 3501 §7.1: without PERMANENTFLAGS every flag can be kept.
		a.Flags, a.NewKeywords = slices.Clone(o.flags), true
		return a
	}
	for _, f := range o.permanent {
		if f == `\*` {
			a.NewKeywords = true
		} else {
			a.Flags = append(a.Flags, f)
		}
	}
	return a
}

func (t *Target) multi() bool { return t.s.caps["MULTIAPPEND"] && !t.single }

// Subscribe implements mailsync.Target.
func (t *Target) Subscribe(ctx context.Context, f mailsync.Folder) error {
	return t.s.do(ctx, "subscribe to folder "+quote(f), func() error {
		return t.s.command(t.s.conn.Begin("SUBSCRIBE", t.s.lit).Name(f.Raw), "SUBSCRIBE", nil)
	})
}

// command sends a command and returns a refusal as an error.
func (s *session) command(m *wire.Command, name string, data wire.Data) error {
	r, err := s.ask(m, data)
	if err != nil {
		return err
	}
	return replied(name, r)
}

// Create implements mailsync.Target. The folder is created and listed in one
// flight; parents are made one by one only where the server does not.
func (t *Target) Create(ctx context.Context, path []string, use string) (mailsync.Folder, error) {
	var f mailsync.Folder
	what := fmt.Sprintf("create folder %.200q", strings.Join(path, "/"))
	err := t.s.do(ctx, what, func() (err error) {
		f, err = t.s.create(path, use)
		return err
	})
	return f, err
}

func (s *session) create(path []string, use string) (mailsync.Folder, error) {
	if err := s.learnDelimiter(); err != nil {
		return mailsync.Folder{}, err
	}
	raw, err := s.rawName(path)
	if err != nil {
		return mailsync.Folder{}, err
	}
	f, refusal, err := s.createOne(raw, use)
	if err != nil || refusal == nil {
		return f, err
	}
	if _, delim, _ := s.personal(); delim != 0 && len(path) > 1 {
		for n := 1; n < len(path); n++ {
			parent, err := s.rawName(path[:n])
			if err != nil {
				return f, err
			}
			if _, _, err := s.createOne(parent, ""); err != nil {
				return f, err
			}
		}
		if f, refusal, err = s.createOne(raw, use); err != nil || refusal == nil {
			return f, err
		}
	}
	if use != "" { // RFC 6154 §3: the server may not want this use here
		if f, again, err := s.createOne(raw, ""); err != nil || again == nil {
			return f, err
		}
	}
	return f, refusal
}

// createOne sends CREATE and LIST together. A refusal counts only if the
// folder is not there afterwards.
func (s *session) createOne(raw, use string) (f mailsync.Folder, refusal, err error) {
	c, err := s.beginCreate(raw, use)
	if err != nil {
		return f, nil, err
	}
	return s.created(c)
}

// creating is a CREATE and the LIST behind it. What is asked of a server in a
// name it does not like may be the last thing it hears: odd names are listed,
// by created, only once they were accepted.
type creating struct {
	raw          string
	create, list *wire.Command
}

func (s *session) beginCreate(raw, use string) (creating, error) {
	c := creating{raw: raw, create: s.conn.Begin("CREATE", s.lit).Name(raw)}
	if use != "" && s.caps["CREATE-SPECIAL-USE"] && knownUse(use) {
		c.create.Text(" (USE (" + use + "))")
	}
	if err := c.create.End(); err != nil || odd(raw) {
		return c, err
	}
	return c, s.listOne(&c)
}

func (s *session) listOne(c *creating) error {
	c.list = s.conn.Begin("LIST", s.lit).Text(` ""`).Name(c.raw)
	return c.list.End()
}

// odd: a name that a careless parser may take for something else (Cyrus, for
// one, takes a name that ends in "{5}" for a literal, and hangs up).
func odd(raw string) bool { return !wire.Quotable(raw) || strings.ContainsAny(raw, `{}()"\*%~`) }

// isThere reports a refusal to create what exists (RFC 5530 §3).
func isThere(r wire.Response) bool {
	return r.Code == "ALREADYEXISTS" || strings.Contains(strings.ToLower(r.Text), "exist")
}

// created reads what became of one.
func (s *session) created(c creating) (f mailsync.Folder, refusal, err error) {
	found := false
	data := func(r *wire.Response) (bool, error) {
		if r.Type != "LIST" {
			return false, nil
		}
		item, err := s.conn.R.List()
		// A name with * or % is a pattern: others may match it.
		if err == nil && sameName(c.raw, item) {
			f, found = folder(item), f.Selectable || !item.Has(`\NonExistent`)
		}
		return true, err
	}
	r, err := s.conn.Await(c.create.Tag, data)
	if err != nil {
		return f, nil, err
	}
	refusal = replied("CREATE", r)
	if c.list == nil {
		if refusal != nil && !isThere(r) {
			return f, refusal, nil
		}
		if err := s.listOne(&c); err != nil {
			return f, nil, err
		}
	}
	listed, err := s.conn.Await(c.list.Tag, data)
	if err != nil {
		return f, nil, err
	}
	switch unlisted := replied("LIST", listed); {
	case found:
		return f, nil, nil
	case refusal == nil && unlisted != nil:
		refusal = unlisted
	case refusal == nil:
		refusal = fmt.Errorf("server created the folder and does not list it: %w", mailsync.ErrNoFolder)
	}
	return f, refusal, nil
}

func knownUse(use string) bool { return slices.Contains(specialUses(), use) }

// learnDelimiter asks for the hierarchy delimiter where NAMESPACE did not say
// (RFC 3501 §6.3.8).
func (s *session) learnDelimiter() error {
	if err := s.meet(); err != nil {
		return err
	}
	if _, _, known := s.personal(); known {
		return nil
	}
	return s.command(s.conn.Begin("LIST", s.lit).Text(` "" ""`), "LIST", func(r *wire.Response) (bool, error) {
		if r.Type != "LIST" {
			return false, nil
		}
		item, err := s.conn.R.List()
		if err == nil {
			s.ns[0] = []wire.Namespace{{Delim: item.Delim}}
		}
		return true, err
	})
}

// rawName writes a path as the server names it: its delimiter, the prefix of
// the personal namespace, modified UTF-7. INBOX itself has no prefix.
func (s *session) rawName(path []string) (string, error) {
	prefix, delim, _ := s.personal()
	if len(path) == 0 {
		return "", fmt.Errorf("a folder without a name")
	}
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = wire.EncodeUTF7(p)
		switch {
		case p == "":
			return "", fmt.Errorf("a folder with an empty name")
		case delim != 0 && strings.ContainsRune(parts[i], delim):
			return "", fmt.Errorf("%q holds %q, which separates folders on this server; map it to another name", p, delim)
		case i > 0 && delim == 0:
			return "", fmt.Errorf("this server has no folders inside folders; map it to another name")
		}
	}
	raw := strings.Join(parts, string(delim))
	inbox := strings.EqualFold(parts[0], "INBOX")
	if prefix == "" || inbox && len(parts) == 1 || inbox && strings.EqualFold(prefix, "INBOX"+string(delim)) {
		return raw, nil
	}
	return prefix + raw, nil
}
