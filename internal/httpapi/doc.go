// Package httpapi speaks JSON over HTTPS with the interface of a provider: one
// request in, one bounded answer out, and every failure in the provider's own
// words with a word on whether it may go away by itself.
//
// It never repeats a request: only the caller knows whether a write whose
// answer was lost may be sent again. It never carries credentials to another
// host, never follows a redirect of a write, never speaks plaintext to another
// machine unless told to, and never shows a secret that the other side echoes.
//
// Main types: [Client], [Request], [Answer], [Error].
//
// Invariant: no answer is larger in memory than MaxBody, and no text of an
// error is longer than a few lines or holds a control character.
package httpapi
