// Package mox drives mox (https://www.xmox.nl) through its admin web
// interface: domains, accounts, passwords, aliases, and the DNS records mox
// wants. It was written for and run against mox v0.0.15.
//
// The interface is "sherpa": POST api/NAME with {"params": […]}, answered by
// {"result": …} or {"error": {"code", "message"}}, mostly with status 200. A
// login gives a cookie and a CSRF token; sessions end after 12 hours, with a
// restart, or when ten newer ones exist, and are then opened again.
//
// What a person must know of mox:
//   - An account has a name of its own; people log in with any of its
//     addresses. Accounts made here are named after the address and a hash of
//     it, so that two addresses never share a name.
//   - An alias to one account is a further address of that account; an alias
//     to several is a list. Mail cannot be sent on to other services.
//   - Passwords have at least 8 octets.
//   - New domains get mail.DOMAIN as the host for mail programs, a name that
//     usually still leads to the old service: it is never exported.
//
// It never removes an account, a domain or a message.
//
// Invariant: every write is followed by a look; what is reported done was
// seen in the configuration of mox, and a lost answer is settled by looking.
package mox
