// Package executor turns a plan into effects and effects into state. One call
// of [Executor.Run] is a tick: lock, pull what was approved, look, plan,
// revalidate against what was reviewed, do what is ready, look and plan again
// until nothing is ready, unlock. It stops at the first closed gate and never
// sleeps through one.
//
// It knows steps, never phases: what may be done is decided by package
// planner, how it is done by the engines (mailsync, maildns, providers).
//
// A step is marked in the state before it acts and recorded after its effect
// was seen, so a run that is killed at any instruction is taken up by the
// next. A mark keeps the before-image of the first try: a later one may
// already see the effect.
//
// From the durable intent to switch on, every tick first runs the add-only
// pull with the parameters kept in the state, whatever is refused afterwards.
//
// Invariant: nothing is written that the fresh plan does not hold as ready
// and, where a reviewed plan is given, that plan does not cover.
package executor
