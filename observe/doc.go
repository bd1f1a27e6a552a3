// Package observe looks: at the old side, the new side, and the DNS. What it
// saw becomes migration.Observed and zone snapshots, and nothing else.
//
// It writes nothing anywhere: mailboxes are opened with EXAMINE, providers are
// only listed, zones only asked at their authoritative servers, and mail
// servers are asked with RCPT TO and never given DATA.
//
// What could not be looked at is reported with the reason, in the words of
// who refused; it is unknown, never absent.
//
// Invariant: a look changes nothing on any server.
package observe
