// Command bench measures how fast one mailbox becomes two: bascule's engine,
// a bare program that only streams (the ceiling), and every other program of
// the trade that is installed, in one run, on one machine, between the same
// two Dovecots.
//
// A campaign builds deterministic corpora (corpus.go), starts the servers
// (dovecot.go), puts a link with a round-trip time before them (link.go), and
// lets each program do four things in turn: the initial copy to an empty
// mailbox, runs with nothing to do, and a run after 1 % changed; then both
// sides are compared by their octets (compare.go). Programs are processes of
// their own: wall time, CPU time and the peak of their memory are the kernel's
// words (measure.go). The table has ratios, because only those travel.
//
//	make bench                        what results.md holds
//	go run ./bench -corpora T -scale 0.1 -rtt 0s,40ms
//
// It needs dovecot-imapd, and as root the user "mail". Peers are optional:
// isync, interimap, offlineimap3, and the path of imapsync by -imapsync.
//
// Invariant: nothing here is part of a test or of CI. A time that a test
// depends on is a test that lies.
package main
