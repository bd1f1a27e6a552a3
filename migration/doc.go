// Package migration is the vocabulary: what a migration of mail is made of,
// and the method in one page. It imports nothing but the standard library and
// decides nothing.
//
// # The method
//
// Eight phases in a fixed order; configuration adds gates, never reorders.
// J is the next opening of the cutover window.
//
//  1. prepare (J-7): both sides reachable and their identity pinned;
//     mailboxes and aliases exist on the target; SPF is the union of both
//     services, DKIM published, DMARC not weakened.
//  2. lower_ttl (J-3): every RRset that will move has a short TTL on every
//     authoritative server; old values kept.
//  3. sync (from prepare on): every message is on the target with its folder,
//     date and flags; changes are mirrored.
//  4. verify (J-1): evidence that it is so, and that the new MX accepts every
//     address.
//  5. cutover (J): the MX points to the new service: new added, observed on
//     every authoritative server, old removed.
//  6. double_reception (J to J+3): late mail on the old side is pulled until
//     the soak is over and the old side is silent.
//  7. clients (J-1 to J+3): people have their settings; published client
//     records serve the new side.
//  8. decommission (J+3): the old side no longer accepts the domain, shown by
//     RCPT TO; then the last delta, the comparison, the TTL restored, the old
//     SPF terms dropped, the proof. Source mail is never deleted.
//
// Main types: [Desired] is what the configuration asks for, [Observed] what
// was seen and when, [Address] the stable name of an object in both, in plans
// and in the state.
//
// Invariant: values of this package are plain data. They hold no secret, only
// locators of secrets ([Secret]), so they may be written to plans and state.
package migration
