// Package mailsync makes one mailbox of a target server hold what the mailbox
// of a source server holds: every octet, folder, date and flag.
//
// It knows nothing of plans, configuration languages or providers. It is
// handed openers of a [Source] and a [Target], a [Ledger] and a [Policy]; it
// never writes to the source (the type has no method that could), never reads
// a message into memory whole, and never decides by Message-ID.
//
// # A pass
//
// [Pass] runs these steps, each of which can be the last:
//
//  1. take the ledger's lease, connect to both sides at once (connect);
//  2. list both sides, map folders, make missing ones (enumerate, package folders);
//  3. settle the fate of batches that were announced and not recorded (recover, match);
//  4. read the folders that changed, or what changed in them (look, survey,
//     changes), and with them those that show all mail; a pair whose STATUS is
//     what the ledger says on both sides is not opened, the others are asked in
//     one flight where a side can;
//  5. compare both sides with the ledger (Sort), take the digests of what the
//     size does not tell apart (prints), decide (Decide): all of it pure;
//  6. record what needs no command; move what moved; ask the folders that will
//     be written what they keep (confirm); copy what is new, in batches
//     announced before they are sent, many of them under way on a few
//     connections (flow, lane), folders with little behind one another (gather),
//     and what is refused one by one (copyBatch, transfer); let the target make
//     out of its copies what is the same message (errands); bring flags over
//     (flagAll); read back what was written (settle), by its flags alone where a
//     probe has shown that nothing else changes;
//  7. delete, last, what the source no longer has and only we wrote (deleteAll);
//  8. record where every folder stands (finish).
//
// A lost connection begins again at step 1, as long as that brings it forward.
// [Verify] checks the result with a reader of its own.
//
// # Identity
//
// A message is the SHA-256 of its octets, as a multiset per folder: two
// identical messages on the source are two on the target. Sizes only narrow
// what has to be read. Servers do not all keep octets: [Probe] learns what a
// target makes of messages, its [Personality], and [Form] is the second digest
// ([Print].Plain) by which messages are known there. A match that is not exact
// is accepted for what we wrote; for anything else a person is asked ([Similar]).
// What the target cannot hold after every other way was tried is an
// [Exception], counted and named.
//
// While the old side forwards what it receives ([Forward]), a message may come
// twice. It is one delivery ([Trace], [Delivered]) only when the target's bears
// the very line that the old MX wrote; in doubt both stay.
//
// # Labels
//
// Where folders are labels (Listing.Labelled), one shows all mail. A message of
// it that another carried folder has as well ("elsewhere") is copied there, and
// counts as [Excluded] without a row: for a pass it is not in the folder of all
// mail, and moves into it when the last label goes. The server's own name of a
// message ([ObjectID]) says what is the same message, within one pass; what its
// octets are it never says. So a message in several folders is sent once, and
// a [Copier] makes the others of it by UID COPY, announced like any batch; its row
// has the digest of what was sent. What is refused, or in doubt, is sent.
//
// Invariant: of two copies of one message ours in the archive is given up only
// while the other was seen on the target.
//
// # Who does what
//
// The goroutine of the pass decides, announces, writes the ledger and calls
// [Options].Tap; nobody else does. A lane has a connection to each side and
// two goroutines that move octets from one to the other; it sends a batch only
// after it was given the intent, and tells the answers in their order. A crash
// leaves up to window intents open for each lane; recover looks for all those
// of a folder at once. [Surveyor], [Founder], [Streamer], [Reader] and [Storer]
// save round trips and are never needed: what they cannot do is done the plain
// way. A pass with nothing to do waits three times for each side, a change in
// many folders some ten times, whatever the number of folders.
//
// # Before and after the switch
//
// [Mirror] follows the source: flags three-way with the ledger as base, moves
// as moves, deletions. [AddOnly] adds late mail and the flags \Seen,
// \Answered and $Forwarded, and touches nothing else; what a person removed
// from the target is never brought back, and when the ledger of the switch is
// lost, nothing below the [Fences] is copied.
//
// Invariant: a row of a live outcome exists only after the target acknowledged
// the message, or the message was found there: by its octets or, of what was
// announced, as below. Losing the ledger costs time, never mail.
//
// Invariant: a missing UID is a missing message only after two enumerations
// that agree with each other and with the server's count: two listings, or a
// search and a history (QRESYNC) that add up to what the ledger remembers.
//
// Invariant: nothing is deleted on the target but rows of outcome [Copied]
// whose flags are as we left them, by UID EXPUNGE, below the ceiling.
//
// # A million messages
//
// A folder that changed is listed on both sides, sixteen octets for each
// message ([View]) and twenty for its name where the server tells one, or told
// in ranges of UIDs where the server keeps a history ([Changes]), and its rows
// are read against both views: of one that calls for nothing only two bits stay (quiet). What is to be copied is a list of
// places in the view; rows are made batch by batch and not kept. What is read
// back and found as it was sent is settled by one record of its folder
// ([Settlement]); only what is not has its row written again.
//
// # What is announced
//
// A batch and a move on the target are announced by an [Intent], flags by
// [Row].Flux, deletions by a \Deleted in [Row].Left: each is durable before its
// command is sent. A pass that finds one looks what became of it, so that
// nothing we did ourselves is taken for what a person did.
//
// What a batch became is looked for by octets, then by [Form], then by what goes
// with a message: INTERNALDATE, size and Message-ID (match, pure). A pass that
// was never probed does the same by the zero Form; it does not probe, and does
// not refuse. Message-ID and one of the others are enough for [Copied], and with
// it for a mirror to delete the copy one day, because three things come
// together: we announced the message; what is taken for it arrived since, in
// that folder, in the order in which we sent, and is in no row, not even one that
// ended; and nothing else can be meant, in number or in place. Where a message
// of the batch has vanished from the source since, all three must agree; date
// and size do for what the target lists and does not deliver; and one is enough
// where it said that it took the batch, and not under which UIDs. Another Message-ID, or
// a Received field that the source's message has not, is never ours: somebody
// put it there, or a server delivered it. That the octets are other ones is an
// [Exception].
//
// Invariant: what may be ours, and cannot be told for certain, is neither claimed
// nor sent again: it is [Rejected] with [InDoubt], until a person accepts that
// or has it sent ([Options].RetryRejected). What agrees in none of the three is
// a stranger's, and ours is sent.
//
// Invariant: memory grows with the number of messages of the folders that
// changed, forty octets for each and, for names that a source tells, as many
// again, never with their size; what the target is to make out of copies takes
// another hundred while it does.
package mailsync
