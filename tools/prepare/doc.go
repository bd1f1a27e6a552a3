// Prepare gets what the tests need and the machine lacks: the packaged servers
// (Dovecot, Knot, BIND, Cyrus), mox and staticcheck. It runs before the tests, never
// inside them, and takes a second when everything is there.
//
//	go run ./tools/prepare
//
// As root on Debian it installs the packages, without letting their services
// start. As anybody else it downloads the same packages and unpacks them below
// .cache/debian, where Knot and BIND work but Dovecot only beside an installed
// dovecot-core. Elsewhere it says what will be skipped. It never installs
// cyrus-imapd, and never Dovecot beside an installed cyrus-imapd: each removes
// the other. Cyrus is unpacked in .cache/cyrus, with the libraries the machine
// lacks, and run from there.
//
// mox and staticcheck are built into .cache/bin from the versions that
// tools/mox/go.mod and tools/staticcheck/go.mod pin, modules of their own so
// that the product depends on neither.
//
// With CI set, what cannot be had is an error; otherwise it is told and the
// tests that need it skip.
//
// Invariant: nothing is written outside .cache, but for Debian packages as root.
package main
