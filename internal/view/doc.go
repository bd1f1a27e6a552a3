// Package view is everything a person sees: plans, status, diagnostics, tables
// and the events of an apply. It renders values to an [io.Writer]; it decides
// nothing, asks nothing and never reads a clock, a terminal or the
// environment. [Detect] turns what the caller knows of those into a [Style].
//
// Every renderer builds lines of spans, lays them out in terminal cells and
// only then paints them, so that a line is never cut inside a colour and looks
// the same without. Meaning is carried by shape (+ ~ - ! and words in
// brackets) and only repeated by colour.
//
// Main types: [Style]; [Reporter] with [Terminal], [Lines] and [JSON] for what
// happens during an apply; [Result] for how it ended.
//
// It is the only importer of github.com/fatih/color, and it is imported by
// cmd and tests alone.
//
// Invariant: whatever the plan, the state or a server says, the output holds
// no control character but line feeds and, in a Style that asks for them, the
// sequences of colour; a live [Terminal] adds the two that move and erase.
package view
