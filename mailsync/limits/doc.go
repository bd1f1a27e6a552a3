// Package limits is what the passes of a run share: connections to each
// server, octets under way, bandwidth, the day's allowance of each account, and
// the pauses servers asked for.
//
// A [Set] belongs to one run of the program. It hands out a [Server] for each
// endpoint and an [Account] for each login there; [Set.Run] runs the work of
// one mailbox with a connection to each side, lends it more while nobody else
// needs them, and ends it when a server asks to be left alone. It opens no
// connection itself and knows nothing of IMAP: who opens one dials through
// [Account.Dial] and tells complaints to [Account.Heard].
//
// How long to leave a server alone is a pure function, [Next].
//
// Invariant: a pass gets its connection to both sides at once or to none, so
// that no two passes wait for each other. Further ones are lent without
// waiting, and given back when somebody has none.
//
// Invariant: a pause ends at the time that was told and no sooner; it is
// exported, so that a restart does not forget it.
package limits
