// Package planner decides. From what is desired, what was observed, what has
// been done and what time it is, [Make] computes the plan: every step until
// decommission, the gates that hold some of them back, the drift, and a
// forecast. It is pure: no context, no clock, no network, no file.
//
// `ls planner` is the method: phase1_prepare.go … phase8_decommission.go, one
// file a phase, all with the same signature, listed in one table in
// planner.go. Desired state is a function of the phase: desired_at.go says
// what a record set is to hold after each step of its way, and drift is
// measured against that.
//
// The same code serves plan, apply and status: a gate gives the same verdict
// to whoever asks. A capability that a provider lacks is not an error; it
// becomes a step for a person, with a check that proves it done.
//
// Invariant: Make is a function of its Input alone, and its plan holds no
// step that its gates, its dependencies and the rules of the method do not
// allow; only an open gate lets a step be ready.
package planner
