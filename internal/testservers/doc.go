// Package testservers starts real servers for tests: Dovecot (the old side's
// mailboxes), an SMTP front before it (the old side's MX and submission), mox
// (the new side), Cyrus (either side) and Knot or BIND (the zone). Each runs on
// free high ports of 127.0.0.1, in a directory of its own below the system's
// temporary one, as an unprivileged user, and is stopped with all it started
// when the test ends.
//
//	d := testservers.StartDovecot(t, testservers.DovecotOptions{
//		Users: []testservers.User{{Name: "alice@old.example", Password: "s3cret"}},
//	})
//	client, err := imapclient.DialTLS(d.IMAPSAddr, &imapclient.Options{TLSConfig: d.CA.ClientTLS(d.Host)})
//
// It never installs or downloads anything: tools/prepare does, before the
// tests. A server that is missing skips the test, or fails it when CI is set.
// It never uses a well-known port, never talks to another host, and never ends
// a process it did not start.
//
// # Servers
//
// [StartDovecot] serves IMAP in clear, with STARTTLS and with implicit TLS,
// takes mail by LMTP, and on request serves ManageSieve. Mailboxes are mdbox
// or maildir below Dir/mail; the folder separator can differ per user. Config
// is what doveadm takes with -c, and Doveadm runs it. Users come, go and
// change passwords while it runs (AddUser, RemoveUser). A Dovecot that could
// only be unpacked, not installed, counts as missing unless the machine has
// /usr/lib/dovecot/modules: that path is compiled in.
//
// [StartFront] is SMTP inside the test process. It accepts known recipients,
// hands them to Dovecot by LMTP, lets users submit, counts, and closes inbound
// with 550 or 450 when told to.
//
// [StartMox] runs mox serve, not mox localserve, which accepts every recipient
// and keeps every submission. mox insists on being started by its own
// privileged parent, so the listening sockets and the key pair are handed down
// as that parent would (MOX_SOCKETS, MOX_FILES). It starts with the account
// "postmaster" and the host's own name as its only domain; AddDomain,
// AddAccount and Admin do the rest through the admin API. Three things differ
// from production: the delay for first-time senders is off, outgoing mail is
// held in the queue (Queue shows it, Deliver sends it where the test says), and
// TrustStrangers takes the junk filter away once the accounts exist. mox asks
// the machine's resolver about envelope senders, so tests deliver with the
// null sender; the DomainRecords call needs that resolver to answer, be it
// "no such name". mox limits each address to 10 failed logins, 300 connections
// per protocol and 1000 HTTP requests a minute, and to 30 connections at once.
//
// [StartCyrus] serves IMAP alone: no SMTP, no LMTP, no Sieve. Its programs lie
// in a root of their own, since Debian's cyrus-imapd and dovecot-imapd remove
// each other, and any name with any password is a user. It answers IDLE by
// looking once a second (idled would leave the group of its processes), and
// logs to syslog only.
//
// [StartKnot], [StartKnotPair] and [StartBIND] are authoritative for several
// zones and take updates and transfers signed with [TSIGKey]. Journal returns
// every change of a zone since the start, Update plays somebody else who edits
// it. Zone files name ns1 and ns2 at 127.0.0.1; their ports only the test knows.
//
// # Certificates
//
// A [CA] is made for each test. Servers started with the same one are verified
// with the same pool; [Certificate] makes expired ones and ones for another
// name. File is what a configuration names as its CA.
//
// # Looking closer
//
// When a server does not start, its log is part of the failure. With
// TESTSERVERS_KEEP set, the directories of failed tests are kept.
//
// Invariant: after a test, passed or failed, no process of its servers runs
// and none of their ports is taken. On Linux this holds even when the test
// binary is killed.
package testservers
