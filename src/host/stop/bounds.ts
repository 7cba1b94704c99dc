/** The bounds of a stop, and the sums that whoever waits for one relies on (S8, S14). */

/** On an idle host it takes 2 ms. A gateway that is ended takes its cells along: not for a moment's want of processor. */
export const GATE_MS_MAX = 1_500
/** Milliseconds in which what stands in the kernel's table has to go. */
export const CONNECTIONS_MS_MAX = 500
export const FREEZE_MS_MAX = 2_000
/** Milliseconds in which the table has to be shown: of a cell that is being ended, none is, until all of it has ended. */
export const TABLE_MS_MAX = FREEZE_MS_MAX
export const FENCE_MS_MAX = 2_000
/** Milliseconds for a start to be gone: what is being mounted and built is built to its end first. */
export const LEAVING_MS_MAX = 9_000
/** Milliseconds that a point which was ended harder may take until that is confirmed. */
export const ESCALATION_MS_MAX = 6_000
/** Milliseconds that the end of a gateway may take: on a busy host the kernel gives back its memory first. */
export const GATEWAY_END_MS_MAX = 5_000
/** Milliseconds until every point has confirmed, or has not: all are ordered at once. */
export const POINTS_MS_MAX = Math.max(GATE_MS_MAX + TABLE_MS_MAX + ESCALATION_MS_MAX, FENCE_MS_MAX, LEAVING_MS_MAX)

/** Milliseconds of the one tick in which processes are looked at: a warden says nothing in it. */
export const EVIDENCE_MS_MAX = 2_000
export const FILES_MS_MAX = 4_000
/** Longest time in which a ledger is read after everything has been confirmed. */
export const READ_MS_MAX = 8_000
/** Everything has been confirmed: a ledger that takes longer takes it all the same. */
export const LEDGER_MS_MAX = 3_000
/** Milliseconds for all that is recorded of a stop: its last entries are waited for, then read, then written to. */
export const RECORD_MS_MAX = EVIDENCE_MS_MAX + FILES_MS_MAX + LEDGER_MS_MAX + READ_MS_MAX + LEDGER_MS_MAX
/** Milliseconds between two words of a warden that records. */
export const WORD_EVERY_MS = 1_000

/** Milliseconds for the whole of a stop. */
export const STOP_MS_MAX = POINTS_MS_MAX + RECORD_MS_MAX

/** Milliseconds between two words of a warden, after which it is ended: no point and no tick of the record takes them. */
export const SILENCE_MS_MAX = 10_000
/** Milliseconds for all that a warden says to one question: more than a stop takes. */
export const ANSWERS_MS_MAX = 45_000
