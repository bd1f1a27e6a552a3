// Package config reads a migration written in HCL and turns it into a
// [migration.Desired], with diagnostics that point at the source.
//
// Start at [Load]. It parses every *.hcl file of a directory, evaluates it
// with the exports of targets unknown, and checks everything that can be
// known before anything is contacted. [Config.Resolve] evaluates the same
// text again, by the same code, once the exports were observed.
//
// How a file becomes a Desired:
//
//  1. files.go reads and parses, guard.go refuses text built to exhaust the
//     machine (depth, size; evaluation is metered in meter.go);
//  2. schema.go and blocks.go hold what may be written where, as data; the
//     reference of the language is generated from the same tables;
//  3. evaluate.go resolves references on demand, so order never matters and
//     a cycle is named;
//  4. decode_*.go turn each block into its part of Desired;
//  5. check_*.go look at the whole: addresses, accounts, dates, names.
//
// It never contacts anything, never resolves a secret and reads no clock:
// the time is given in [Options] and only ever leads to warnings, so that a
// running migration is not stopped by its own age.
//
// Invariant: a secret appears as its locator only. Sensitive variables are
// refused wherever their value would be written to a plan.
package config
