// Package ledgertest holds the contract every mailsync.Ledger keeps, and a
// ledger in memory that keeps it.
//
// Invariant: what Commit returned nil for is there when the ledger is opened
// again; what it returned an error for is not there at all.
package ledgertest
