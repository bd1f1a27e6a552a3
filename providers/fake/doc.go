// Package fake is a mail service in memory, for tests, examples and the
// demonstration. It stands for a provider's administration interface that can
// do everything: make domains and accounts, set passwords, lead aliases
// anywhere, and say what to publish. It serves no mail: what accounts hold is
// another program's business, which asks CheckLogin who may come in.
//
// It is never in the catalogue of a released program.
//
// A test makes it fail through Hook, before or after the effect, which is how
// a lost answer looks; and counts its writes, which is how one shows that a
// plan makes none.
//
// Invariant: it passes providertest, like every real target.
package fake
