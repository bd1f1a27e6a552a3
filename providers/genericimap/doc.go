// Package genericimap describes the driver "imap": a service of which nothing
// but its IMAP server is known. Its accounts, aliases and keys are made by
// hand; what it offers (mx, spf, dkim) is written in the configuration.
//
// It has no interface of its own, so it has no verbs: every wish becomes an
// instruction with a check.
//
// Main functions: [Source], [Target].
//
// Invariant: nothing here contacts anybody.
package genericimap
