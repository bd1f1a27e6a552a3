// Package statetest is the contract of a state.Store as a test suite: every
// backend runs it. A backend's own test adds what only it can suffer.
//
//	func TestContract(t *testing.T) {
//		statetest.Run(t, func(t *testing.T) statetest.Opener {
//			dir := t.TempDir()
//			return func(c clock.Clock) state.Store { return local.New(dir, local.Options{Clock: c}) }
//		})
//	}
//
// Invariant: each test begins with an empty place and leaves no lock behind.
package statetest
