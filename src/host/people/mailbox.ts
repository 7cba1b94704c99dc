import type { ActionId, EnvironmentName, PersonName, Result } from '../../model/index.ts'

/**
 * A person's answer to a hold, on its way to the gateway. The gateway that runs takes it at once; where none runs, the next
 * one does.
 */
export interface HoldAnswer {
  readonly hold: ActionId
  readonly environment: EnvironmentName
  readonly approved: boolean
  readonly by: PersonName
  /** Milliseconds that an approval may be used, from when the gateway hears of it. */
  readonly forMs: number
  readonly why?: string
}

/**
 * The answers of people that are kept where nothing runs. A port; files are behind it (`file-mailbox.ts`), and in tests memory
 * (`memory-mailbox.ts`). `test/stores` asks the same of each.
 *
 * - MB1  One answer waits for each hold. What lies there stays, and who gave it is told; but a denial takes the place of an
 *        approval: it narrows.
 * - MB2  An answer is kept, over restarts, until it is taken out or withdrawn. Taking it out ends that one, and none that
 *        has taken its place meanwhile.
 * - MB3  What cannot be read, or reached, approves nothing.
 */
export interface Mailbox {
  put(answer: HoldAnswer): Promise<Result<void, string>>
  /** Returns the answer that waits; undefined where none does. */
  get(hold: ActionId): Promise<HoldAnswer | undefined>
  /** Lists the answers that wait for the gateway of one environment. */
  list(environment: EnvironmentName): Promise<readonly HoldAnswer[]>
  /** Takes an answer out, which its gateway has accepted or refused; false where another has taken its place meanwhile. */
  take(answer: HoldAnswer, isAccepted: boolean): Promise<boolean>
  /** Tells whether the last answer to a hold was one that its gateway has refused. */
  wasRefused(hold: ActionId): Promise<boolean>
  /** Takes an approval back that waits; a denial stays. */
  withdraw(hold: ActionId): Promise<void>
}
