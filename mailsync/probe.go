package mailsync

import (
	"context"
	"errors"
	"fmt"
	"io"

	"bascule/internal/clock"
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
