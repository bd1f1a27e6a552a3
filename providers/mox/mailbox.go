package mox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"bascule/internal/secret"
	"bascule/migration"
	"bascule/providers"
)

// minPassword is mox's own rule, in octets (RFC 8265 §4 normalisation is its
// business too).
const minPassword = 8

// ListMailboxes implements providers.MailboxLister.
func (p *Provider) ListMailboxes(ctx context.Context) (map[string]migration.Account, error) {
	now, err := p.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("list mailboxes: %w", err)
	}
	out := map[string]migration.Account{}
	for name, address := range now.main {
		if address != "" {
			out[address] = login(address, now.Accounts[name].QuotaMessageSize)
		}
	}
	return out, nil
}

// CreateMailbox implements providers.MailboxCreator. An account that was made
// but could not be given its password or quota is an error that says so; then
// it exists, and SetPassword finishes it.
func (p *Provider) CreateMailbox(ctx context.Context, m providers.NewMailbox) error {
	address, err := canonical(m.Email)
	if err != nil {
		return fmt.Errorf("create mailbox: %w", err)
	}
	what := "create mailbox " + address
	if err := acceptable(m, address); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	now, err := p.look(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := now.free(address); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	name := accountName(address)
	made := func(s *snapshot) bool { return s.owned[address].account == name }
	err = p.change(ctx, what, made, func() error { return p.call(ctx, nil, nil, "AccountAdd", name, address) })
	if err != nil {
		return err
	}
	if err := p.setPassword(ctx, name, m.Password); err != nil {
		return fmt.Errorf("%s: the account is made, but has no password yet: %w", what, err)
	}
	if err := p.setQuota(ctx, name, m.Quota); err != nil {
		return fmt.Errorf("%s: the account is made, but has no quota yet: %w", what, err)
	}
	return nil
}

// acceptable finds before anything is made what mox would refuse after.
func acceptable(m providers.NewMailbox, address string) error {
	if m.Login != "" {
		if wanted, err := canonical(m.Login); err != nil || wanted != address {
			return refused("people log in to mox with their address; write login = %q or leave it out", address)
		}
	}
	return acceptablePassword(m.Password)
}

func acceptablePassword(v secret.Value) error {
	if len(v.Reveal()) < minPassword {
		return refused("mox takes passwords of %d octets or more; choose a longer one", minPassword)
	}
	return nil
}

// free says what has an address already.
func (s *snapshot) free(address string) error {
	if o, taken := s.owned[address]; taken {
		return fmt.Errorf("%w: it is an address of the mox account %q", providers.ErrExists, o.account)
	}
	if _, taken := s.lists[address]; taken {
		return fmt.Errorf("%w: it is an alias in mox", providers.ErrExists)
	}
	return nil
}

// SetPassword implements providers.PasswordSetter.
func (p *Provider) SetPassword(ctx context.Context, loginAddress string, password secret.Value) error {
	address, err := canonical(loginAddress)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if err := acceptablePassword(password); err != nil {
		return fmt.Errorf("set password of %s: %w", address, err)
	}
	now, err := p.look(ctx)
	if err != nil {
		return fmt.Errorf("set password of %s: %w", address, err)
	}
	o, there := now.owned[address]
	if !there {
		return fmt.Errorf("set password of %s: %w: no mox account has this address", address, providers.ErrNotFound)
	}
	if err := p.setPassword(ctx, o.account, password); err != nil {
		return fmt.Errorf("set password of %s: %w", address, err)
	}
	return nil
}

// setPassword may be repeated at will: it sets the same again.
func (p *Provider) setPassword(ctx context.Context, name string, password secret.Value) error {
	return p.call(ctx, nil, []secret.Value{password}, "SetPassword", name, password.Reveal())
}

// setQuota sets one of the settings that mox only takes all together.
func (p *Provider) setQuota(ctx context.Context, name string, quota int64) error {
	if quota <= 0 {
		return nil
	}
	now, err := p.look(ctx)
	if err != nil {
		return err
	}
	a := now.Accounts[name]
	is := func(s *snapshot) bool { return s.Accounts[name].QuotaMessageSize == quota }
	return p.change(ctx, "set quota", is, func() error {
		return p.call(ctx, nil, nil, "AccountSettingsSave", name, a.MaxOutgoingMessagesPerDay, a.MaxFirstTimeRecipientsPerDay,
			quota, !a.NoFirstTimeSenderDelay, a.NoCustomPassword)
	})
}

// accountName derives the name of an account from its address: always the
// same for one address, never the same for two. It names a directory, so
// only letters, digits, dots and dashes stay, and its length is bounded.
func accountName(address string) string {
	localpart, _, _ := strings.Cut(address, "@")
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, localpart)
	sum := sha256.Sum256([]byte(address))
	return readable[:min(len(readable), 24)] + "-" + hex.EncodeToString(sum[:6])
}
