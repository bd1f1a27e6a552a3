package wire

import "time"

// Limits bound what a server can make us hold or wait for. Zero fields take
// the defaults of [Limits.WithDefaults].
type Limits struct {
	// MaxToken is the longest atom, quoted string or buffered literal, in octets.
	MaxToken int
	// MaxResponse is the longest response without its literals, in octets. It
	// is never held: a search result of a million UIDs is one response.
	MaxResponse int
	// MaxMessage is the largest message literal, in octets.
	MaxMessage int64
	// MaxFolders is the most folders one listing may have.
	MaxFolders int
	// MaxNoise is how many responses nobody asked for one command may bring.
	MaxNoise int
	// Patience is how long nothing may move in either direction.
	Patience time.Duration
	// Commit is how long a server may be silent after it was given a batch of
	// messages: it is writing, scanning and indexing them.
	Commit time.Duration
}

// WithDefaults fills what is zero.
func (l Limits) WithDefaults() Limits {
	orInt(&l.MaxToken, 64<<10)
	orInt(&l.MaxResponse, 256<<20)
	orInt(&l.MaxFolders, 100_000)
	orInt(&l.MaxNoise, 100_000)
	if l.MaxMessage <= 0 {
		l.MaxMessage = 512 << 20
	}
	if l.Patience <= 0 {
		l.Patience = time.Minute
	}
	if l.Commit <= 0 {
		l.Commit = 5 * time.Minute
	}
	return l
}

func orInt(n *int, d int) {
	if *n <= 0 {
		*n = d
	}
}
