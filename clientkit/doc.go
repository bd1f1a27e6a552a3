// Package clientkit makes what people need to go on reading their mail: one
// sheet of plain text per mailbox, in their language, and the names and values
// that mail programs look up by themselves.
//
// It is pure: it reads nothing, writes nothing, and knows no password; a sheet
// says how the password is had. What comes from a server or a configuration
// (host names, names of people) is stripped of control characters.
//
// Main functions: [Sheet], [Lookups].
//
// Invariant: a sheet that names an endpoint without TLS says so before
// everything else, and no sheet exists without the server it is about.
package clientkit
