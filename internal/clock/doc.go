// Package clock is the wall clock, as a value. Decisions (gates, soaks,
// leases, schedules) are taken on the time it gives; deadlines of connections
// and back-off between tries use the machine's own timers and stay out of it.
//
// It is the only package that calls time.Now. A released program uses [Real];
// [Virtual] belongs to tests and to the demonstration.
//
// Invariant: a Virtual clock moves only when somebody moves it.
package clock
