// Command bench measures how fast one mailbox becomes two: bascule's engine,
// a bare program that only streams (the ceiling), and every other program of
// the trade that is installed, in one run, on one machine, between the same
// two Dovecots.
//
// A campaign is stages (stage.go): corpora, servers, ways to them, programs. A
// stage builds deterministic corpora (corpus.go) in two Dovecots of its own
// (arena.go), some with TLS, some waiting for the disk, and puts a link with a
// round-trip time before them (link.go). Each program does four things in turn:
// the initial copy to an empty mailbox, runs with nothing to do, and a run
// after 1 % changed (cycle.go); then both sides are compared by their octets
// (compare.go). The engine has probed the target before, which is in no time
// (personality.go). Programs are processes of their own (programs.go, peers.go):
// wall time, CPU time and the peak of their memory are the kernel's words
// (measure.go). The tables have ratios, because only those travel; the last one
// says which goals are met (goals.go).
//
//	make bench                                     what results.md holds
//	make bench BENCH='-cycles 1'                   the same, in a third of the time
//	go run ./bench -corpora T -scale 0.1 -rtt 40ms one stage
//	go run ./bench -corpora S2 -tls -programs engine,offlineimap
//
// It needs dovecot-imapd, and as root the user "mail". Peers are optional:
// isync, interimap, offlineimap3, the path of imapsync by -imapsync, and by
// -other-raw the command line of another program that only streams, to check
// that our ceiling is one.
//
// Where the engine's time goes: -cpuprofile, -memprofile and -trace name
// directories that get a file for each of its runs (probe.go, trace.go). Such a
// campaign is for looking, not for its times.
//
// Invariant: nothing here is part of a test or of CI. A time that a test
// depends on is a test that lies.
package main
