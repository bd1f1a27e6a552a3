// Command bascule moves a company's e-mail from one provider to another:
// written down, reviewed, applied step by step, resumable, reversible.
//
// This package is the only place where things are wired together: run.go holds
// the command table and the exit codes, app.go the composition root, and each
// command has a file of its own. Nothing is decided here.
//
// Invariant: every effect on the world (dialler, file system, clock,
// randomness, HTTP transport) comes from [process], so that tests can run the
// same program in another world. A released binary takes no time from a flag
// or the environment.
package main
