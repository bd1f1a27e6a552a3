// Package archtest holds tests and nothing else: they read the whole source
// and say which rule of the house a change broke, and why the rule is there.
//
//   - imports_test.go: who may import whom, one line a package; a package
//     without a line fails, so that a new one is placed on purpose.
//   - source_test.go, state_test.go: what no file may hold (a clock of its own, init
//     functions, package-level state, a phase constant where phases are not known…).
//   - documents_test.go: links lead somewhere, documents are found, decisions numbered.
//   - rules_test.go: each rule is shown to fail on a source made for it.
//
// To change a rule, change its line and its reason together.
//
// Invariant: the rules look at non-test code, except where a rule is about
// tests; one `go list` call finds everything they look at.
package archtest
