// Package providertest is the contract of a mail service as a test suite:
// every target leaf runs it against the real thing or, where that cannot be
// started, against a recording of it. Verbs a leaf does not implement are
// skipped by name, so that the output shows what was not run.
//
// A service that lives on between the tests is fine: each test gets a domain
// of its own.
//
// Invariant: the suite asks the service itself (a login, a listing), not the
// leaf's word, wherever it can.
package providertest
