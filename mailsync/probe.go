package mailsync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"bascule/internal/clock"
	"bascule/internal/retry"
)

// ErrSameAccount: what was written to the target shows on the source. There
// is nothing to move, and everything to lose.
var ErrSameAccount = errors.New("source and target are the same account")

// ProbeOptions is all a probe needs.
type ProbeOptions struct {
	// OpenSource and OpenTarget connect and log in, each call anew.
	OpenSource func(ctx context.Context) (Source, error)
	OpenTarget func(ctx context.Context) (Target, error)
	Clock      clock.Clock
	// Random is where the name of the scratch folder is drawn from.
	Random io.Reader
	// Tap is called before and after each write command; see Options.
	Tap func(point string)
}

// Probe learns how a target keeps messages: in a scratch folder of its own it
// appends a fixed set of them, fetches each twice, and removes the folder. The
// source is only read: a few of its messages, twice.
//
// What a server refuses for good is part of the answer, not an error; a target
// on which nothing can be appended stays Unprobed, with the reason. Errors are
// ErrSameAccount, and what another try may overcome. A folder that a probe left
// behind when it was killed is removed by the next one, and nothing else is.
func Probe(ctx context.Context, o ProbeOptions) (Personality, error) {
	if o.Tap == nil {
		o.Tap = func(string) {}
	}
	p := &prober{ProbeOptions: o}
	defer p.hangUp()
	err := p.run(ctx)
	return p.found, err
}

// prober is one run of Probe.
type prober struct {
	ProbeOptions
	found  Personality
	target Target
	folder Folder
	sent   []appendedSpecimen
	// ended counts connections that ended while a message was sent.
	ended int
}

// appendedSpecimen is a specimen the target took.
type appendedSpecimen struct {
	specimen
	uid           UID
	meta          Meta
	first, second []byte
}

func (p *prober) hangUp() {
	if p.target != nil {
		_ = p.target.Close()
	}
	p.target = nil
}

func (p *prober) connect(ctx context.Context) (err error) {
	p.hangUp()
	if p.target, err = p.OpenTarget(ctx); err != nil {
		p.target = nil
		return fmt.Errorf("open target: %w", err)
	}
	return nil
}

func (p *prober) run(ctx context.Context) error {
	if err := p.connect(ctx); err != nil {
		return err
	}
	p.found.At, p.found.Server = p.Clock.Now(), p.target.Identity().ID
	err := p.inScratch(ctx)
	var why unprobed
	if errors.As(err, &why) {
		p.found.Class, p.found.Why, err = Unprobed, string(why), nil
	}
	if err != nil {
		return fmt.Errorf("probe the target: %w", err)
	}
	if err := p.readSource(ctx); err != nil {
		return fmt.Errorf("probe the source: %w", err)
	}
	return nil
}

// unprobed is why a target cannot be probed at all.
type unprobed string

func (u unprobed) Error() string { return string(u) }

// lasting makes an unprobed of a refusal that will not go away.
func lasting(what string, err error) error {
	if isRefusal(err) {
		var se *ServerError
		if errors.As(err, &se) && stops(se) && se.Code != "NOPERM" {
			return fmt.Errorf("%s: %w", what, err)
		}
		return unprobed(fmt.Sprintf("%s: %v", what, err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// inScratch does everything that needs the scratch folder, and removes it
// whatever comes of it.
func (p *prober) inScratch(ctx context.Context) error {
	if _, ok := p.target.(Remover); !ok {
		return unprobed("a scratch folder could not be removed from it")
	}
	if err := p.sweep(ctx); err != nil {
		return err
	}
	if err := p.create(ctx); err != nil {
		return err
	}
	err := p.learnIn(ctx)
	if e := p.remove(context.WithoutCancel(ctx), p.folder); err == nil && e != nil {
		return lasting("remove the scratch folder "+showPath(p.folder.Path), e)
	}
	return err
}

func (p *prober) create(ctx context.Context) error {
	name, err := scratchName(p.Random)
	if err != nil {
		return err
	}
	err = p.write("CREATE", func() (err error) { p.folder, err = p.target.Create(ctx, []string{name}, ""); return err })
	if err != nil {
		return lasting("create a scratch folder", err)
	}
	return nil
}

func (p *prober) write(command string, f func() error) error {
	p.Tap("before " + command)
	err := f()
	if err == nil {
		p.Tap("after " + command)
	}
	return err
}

func (p *prober) learnIn(ctx context.Context) error {
	if err := p.notOnSource(ctx); err != nil {
		return err
	}
	if err := p.appendAll(ctx); err != nil {
		return err
	}
	if err := p.readTwice(ctx); err != nil {
		return err
	}
	p.judge()
	return p.storeMarks(ctx)
}

// notOnSource looks for the folder on the source, over a connection made after it.
func (p *prober) notOnSource(ctx context.Context) error {
	source, err := p.OpenSource(ctx)
	if err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	defer source.Close()
	l, err := source.List(ctx)
	if err != nil {
		return fmt.Errorf("list source: %w", err)
	}
	for _, f := range l.Folders {
		if f.Path[len(f.Path)-1] == p.folder.Path[len(p.folder.Path)-1] {
			return fmt.Errorf("a folder made on %s shows on %s: %w; nothing can be moved", p.target.Identity().Endpoint, source.Identity().Endpoint, ErrSameAccount)
		}
	}
	return nil
}

// appendAll sends the specimens one by one: a refusal is then about one.
func (p *prober) appendAll(ctx context.Context) error {
	for i, s := range specimens(p.folder.Path[len(p.folder.Path)-1], p.Clock.Now()) {
		refusal, err := p.appendOne(ctx, s)
		switch {
		case err != nil:
			return fmt.Errorf("append a message with %s: %w", s.kind, err)
		case refusal != nil && i == 0:
			return lasting("append a message", refusal)
		case refusal != nil:
			p.found.Refuses = append(p.found.Refuses, RefusedKind{s.kind, refusal.Error()})
		}
	}
	return nil
}

// appendOne tries without the keyword where the message is refused with it.
func (p *prober) appendOne(ctx context.Context, s specimen) (refusal, err error) {
	refusal, err = p.send(ctx, s)
	if refusal == nil || err != nil || !slices.ContainsFunc(s.flags, isKeyword) {
		return refusal, err
	}
	s.flags = slices.DeleteFunc(slices.Clone(s.flags), isKeyword)
	return p.send(ctx, s)
}

// maxEnded is how many connections a probe lets a server end.
const maxEnded = 4

// send appends one message. A connection that ends meanwhile is taken for a
// refusal, unless the message is there.
func (p *prober) send(ctx context.Context, s specimen) (refusal, err error) {
	done := false
	err = p.write("APPEND", func() error {
		_, err := p.target.Append(ctx, p.folder, func() (*Outgoing, error) {
			if done {
				return nil, nil
			}
			done = true
			return &Outgoing{Size: int64(len(s.body)), Date: s.date, Flags: s.flags, Body: strings.NewReader(s.body)}, nil
		})
		return err
	})
	var se *ServerError
	switch {
	case err == nil:
		p.sent = append(p.sent, appendedSpecimen{specimen: s})
		return nil, nil
	case ctx.Err() != nil:
		return nil, err
	case errors.As(err, &se) && se.Status != "BYE":
		if retry.IsTemporary(err) || stops(se) {
			return nil, err
		}
		return se, nil
	case !s.odd:
		return nil, err
	}
	if p.ended++; p.ended > maxEnded {
		return nil, err
	}
	return p.lostWhileSending(ctx, s, err)
}

func (p *prober) lostWhileSending(ctx context.Context, s specimen, cause error) (refusal, err error) {
	if err := p.connect(ctx); err != nil {
		return nil, err
	}
	uids, err := p.uids(ctx)
	if err != nil {
		return nil, err
	}
	if len(uids) > len(p.sent) {
		p.sent = append(p.sent, appendedSpecimen{specimen: s})
		return nil, nil
	}
	return fmt.Errorf("the connection ended: %w", cause), nil
}

func (p *prober) uids(ctx context.Context) ([]UID, error) {
	if _, err := p.target.Examine(ctx, p.folder); err != nil {
		return nil, fmt.Errorf("open the scratch folder: %w", err)
	}
	uids, err := p.target.UIDs(ctx)
	return compactUIDs(uids), err
}

// readTwice fetches everything on two connections: some servers remember on
// one what they wrote.
func (p *prober) readTwice(ctx context.Context) error {
	uids, err := p.uids(ctx)
	if err != nil {
		return err
	}
	if len(uids) != len(p.sent) {
		return unprobed(fmt.Sprintf("it accepted %d messages and shows %d of them", len(p.sent), len(uids)))
	}
	for i := range p.sent {
		p.sent[i].uid = uids[i] // UIDs rise in the order of arrival (RFC 3501 §2.3.1.1)
	}
	if err := p.fetch(ctx, func(s *appendedSpecimen, m Meta, b []byte) { s.meta, s.first = m, b }); err != nil {
		return err
	}
	if err := p.connect(ctx); err != nil {
		return err
	}
	if _, err := p.uids(ctx); err != nil {
		return err
	}
	return p.fetch(ctx, func(s *appendedSpecimen, _ Meta, b []byte) { s.second = b })
}

// maxSpecimen bounds what a message of the probe may have become.
const maxSpecimen = 1 << 20

func (p *prober) fetch(ctx context.Context, keep func(s *appendedSpecimen, m Meta, b []byte)) error {
	var uids []UID
	at := map[UID]*appendedSpecimen{}
	for i := range p.sent {
		uids, at[p.sent[i].uid] = append(uids, p.sent[i].uid), &p.sent[i]
	}
	metas := map[UID]Meta{}
	if err := p.target.Scan(ctx, 0, func(m Meta) error { metas[m.UID] = m; return nil }); err != nil {
		return err
	}
	_, err := p.target.Fetch(ctx, uids, func(m Meta, _ int64, body io.Reader) error {
		b, err := io.ReadAll(io.LimitReader(body, maxSpecimen))
		if s := at[m.UID]; s != nil && err == nil {
			keep(s, metas[m.UID], b)
		}
		return errors.Join(err, discard(body))
	})
	return err
}

// judge compares what came back with what was sent.
func (p *prober) judge() {
	var samples []sample
	for _, s := range p.sent {
		samples = append(samples, sample{s.kind, []byte(s.body), s.first, s.second})
	}
	c := classify(samples)
	f := &p.found
	f.Class, f.Alters, f.Added, f.DropNUL, f.Unrecognised = c.Class, c.Alters, c.Added, c.DropNUL, c.Unrecognised
	for _, s := range p.sent {
		kept := NotKept
		if s.meta.Date.Unix() == s.date.Unix() {
			kept = KeptAtAppend
		}
		switch s.mark {
		case markFuture:
			f.FutureDates = kept
		case markOld:
			f.OldDates = kept
		}
	}
}

// storeMarks sets by STORE what was not kept at APPEND.
func (p *prober) storeMarks(ctx context.Context) error {
	if _, err := p.target.Select(ctx, p.folder); err != nil {
		return lasting("open the scratch folder for writing", err)
	}
	for _, s := range p.sent {
		kept, flag := &p.found.Flagged, `\Flagged`
		switch s.mark {
		case markFlagged:
		case markKeyword:
			kept, flag = &p.found.Keywords, probeKeyword
		case markLong:
			kept, flag = &p.found.LongKeywords, longKeyword
		default:
			continue
		}
		var err error
		if *kept, err = p.keeps(ctx, s, flag); err != nil {
			return err
		}
	}
	return nil
}

func (p *prober) keeps(ctx context.Context, s appendedSpecimen, flag string) (Kept, error) {
	if hasFlag(s.meta.Flags, flag) {
		return KeptAtAppend, nil
	}
	err := p.write("STORE", func() error { return p.target.AddFlags(ctx, []UID{s.uid}, []string{flag}) })
	if isRefusal(err) {
		return NotKept, nil
	}
	kept := NotKept
	if err == nil {
		err = p.target.Scan(ctx, 0, func(m Meta) error {
			if m.UID == s.uid && hasFlag(m.Flags, flag) {
				kept = KeptByStore
			}
			return nil
		})
	}
	return kept, err
}

// maxCompared bounds the messages of the source that are fetched twice.
const maxCompared = 6

// readSource fetches a few of the source's messages on two connections.
func (p *prober) readSource(ctx context.Context) error {
	first, err := p.fewOf(ctx)
	if err != nil || len(first) == 0 {
		return err
	}
	second, err := p.fewOf(ctx)
	if err != nil {
		return err
	}
	p.found.Source = Exact
	for k, d := range first {
		if again, ok := second[k]; ok {
			p.found.SourceMessages++
			if again != d {
				p.found.Source = Semantic
			}
		}
	}
	if p.found.SourceMessages == 0 {
		p.found.Source = Unprobed
	}
	return nil
}

// fewOf digests the newest messages of the first folders that have some.
func (p *prober) fewOf(ctx context.Context) (map[Ref]Digest, error) {
	source, err := p.OpenSource(ctx)
	if err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	defer source.Close()
	l, err := source.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	out := map[Ref]Digest{}
	for _, f := range l.Folders {
		if !f.Selectable || f.Status != nil && f.Status.Messages == 0 || len(out) >= maxCompared {
			continue
		}
		if err := newest(ctx, source, f, out); err != nil && !isRefusal(err) && !errors.Is(err, ErrNoFolder) {
			return nil, fmt.Errorf("read folder %s: %w", showPath(f.Path), err)
		}
	}
	return out, nil
}

func newest(ctx context.Context, source Source, f Folder, out map[Ref]Digest) error {
	if _, err := source.Examine(ctx, f); err != nil {
		return err
	}
	uids, err := source.UIDs(ctx)
	if err != nil || len(uids) == 0 {
		return err
	}
	uids = sortedUIDs(uids)
	_, err = source.Fetch(ctx, uids[max(0, len(uids)-2):], func(m Meta, _ int64, body io.Reader) error {
		print, err := PrintOf(body)
		out[Ref{Folder: folderKey(f.Path), UID: m.UID}] = print.Digest
		return err
	})
	return err
}

// remove removes a scratch folder. A connection that ended is made again.
func (p *prober) remove(ctx context.Context, f Folder) error {
	again := func() error {
		return p.write("DELETE", func() error { return p.target.(Remover).RemoveFolder(ctx, f) })
	}
	if p.target != nil {
		if err := again(); err == nil || isRefusal(err) {
			return err
		}
	}
	if err := p.connect(ctx); err != nil {
		return err
	}
	return again()
}

// scratchPrefix begins the name of every scratch folder.
const scratchPrefix = "bascule-probe-"

var scratchDigits = base32.StdEncoding.WithPadding(base32.NoPadding)

// scratchName is unguessable, and shows that it was drawn by us: its end is
// the digest of the rest.
func scratchName(random io.Reader) (string, error) {
	var b [10]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw a name: %w", err)
	}
	name := scratchPrefix + strings.ToLower(scratchDigits.EncodeToString(b[:]))
	return name + scratchCheck(name), nil
}

func scratchCheck(name string) string {
	sum := sha256.Sum256([]byte(name))
	return strings.ToLower(scratchDigits.EncodeToString(sum[:5]))
}

// isScratchName reports whether a folder was named by scratchName.
func isScratchName(name string) bool {
	const digits = 16
	return strings.HasPrefix(name, scratchPrefix) && len(name) == len(scratchPrefix)+digits+8 &&
		name[len(scratchPrefix)+digits:] == scratchCheck(name[:len(scratchPrefix)+digits])
}

// sweep removes what probes left behind that were killed.
func (p *prober) sweep(ctx context.Context) error {
	l, err := p.target.List(ctx)
	if err != nil {
		return fmt.Errorf("list target: %w", err)
	}
	for _, f := range l.Folders {
		if name := f.Path[len(f.Path)-1]; !isScratchName(name) || !f.Selectable {
			continue
		}
		mine, err := p.isOurs(ctx, f)
		if err != nil {
			return fmt.Errorf("look into %s: %w", showPath(f.Path), err)
		}
		if !mine {
			continue
		}
		if err := p.remove(ctx, f); err != nil {
			// Otherwise each probe would leave one more.
			return lasting("remove the scratch folder "+showPath(f.Path)+" of an earlier probe", err)
		}
	}
	return nil
}

// isOurs reports whether a folder holds nothing but messages of a probe. One
// that is empty was made by a probe that was killed at once.
func (p *prober) isOurs(ctx context.Context, f Folder) (bool, error) {
	if _, err := p.target.Examine(ctx, f); err != nil {
		return false, err
	}
	uids, err := p.target.UIDs(ctx)
	if err != nil || len(uids) == 0 {
		return err == nil, err
	}
	if len(uids) > 100 {
		return false, nil
	}
	marked := 0
	_, err = p.target.Fetch(ctx, uids, func(_ Meta, _ int64, body io.Reader) error {
		head, err := io.ReadAll(io.LimitReader(body, maxField))
		if bytes.Contains(head, []byte(probeHeader+": "+f.Path[len(f.Path)-1])) {
			marked++
		}
		return errors.Join(err, discard(body))
	})
	return marked == len(uids), err
}
