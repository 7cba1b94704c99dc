import {
  type Action,
  type ActionId,
  type Cost,
  type JsonObject,
  type Operation,
  operationIn,
  type ToolName,
  toolName,
} from '../../model/index.ts'
import type { Refusal } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import { cutShown } from '../content/cut-shown.ts'
import type { Answer, Contract, Line, OnPart, Part, Prepared } from './line.ts'
import type { Asked } from './normalise.ts'

/** One attempt by a cell, as its protocol has understood it: what a door hands to `perform`. */
export interface Attempt {
  readonly upstream: Line
  readonly operation: Operation
  /** Name of the tool or prompt at its upstream, or the resource's URI. */
  readonly target: string
  /** The name in the configuration; of a resource the template that its URI matches. */
  readonly tool: ToolName
  readonly args: JsonObject
  /**
   * Sees to a way to the upstream; resolves with why there is none. It makes one only where `mayLeave` says that this
   * attempt could use it.
   */
  readonly connect: (mayLeave: () => boolean) => Promise<Refusal | undefined> | undefined
  /**
   * True where more leaves than `prepare` puts into bytes. Whatever comes later is judged as its cell is by then, and no person
   * is shown it.
   */
  readonly isStreamed: boolean
  readonly prepare: (known: Contract) => Prepared
  /**
   * Puts it into bytes where a person let exactly these arguments through: nothing else that its cell chose goes with them.
   * Undefined where that cannot be, since its arguments do not say what leaves: then no person is asked.
   */
  readonly prepareApproved: ((known: Contract) => Prepared) | undefined
  /** Declares an exception to PA6: a person's yes stands for its arguments, and for whatever passes beside them. */
  readonly isApprovedUnseen?: true
  readonly signal: AbortSignal
  /** Aborted by the cell itself, which may not always be known outside: see `callingOff`. */
  readonly calledOff?: AbortSignal
  /** Takes what the upstream says of it before its answer. */
  readonly onPart?: OnPart
  /** Tells which of those reach the cell; all where it is left out. */
  readonly hears?: (part: Part) => boolean
  /** The effect that it compensates, or looks at: on a person's order. */
  readonly about?: Pick<Action, 'undoes' | 'checks'>
  /** The most that this one takes, where its protocol reckons that from what it says. */
  readonly most?: Cost
  /** Bytes of its body that leave, where that is known. */
  readonly leaving?: number
  /**
   * Further operations of the same upstream that it makes use of, by the names that grants know them by. Each has to be let
   * through as if it were asked for alone, the grants of all are charged, and what comes back has the labels of each.
   */
  readonly alongside?: readonly ToolName[]
  /** For a connection: returns the call under way on whose word a relay makes it, as often as it is asked. */
  readonly during?: () => ActionId | undefined
}

export type Performed =
  | { readonly kind: 'answered'; readonly action: ActionId; readonly answer: Answer }
  /**
   * Refused before anything was sent. The cell is told the reference, if the ledger has it, and what is wrong with its own
   * arguments.
   */
  | { readonly kind: 'refused'; readonly action: ActionId | undefined; readonly reasons: readonly Refusal[] }
  /** The attempt waits for a person, under the reference of the first one. */
  | { readonly kind: 'held'; readonly action: ActionId; readonly hold: ActionId }
  /** Sent or not, there is no answer that may be passed on. */
  | {
      readonly kind: 'unanswered'
      readonly action: ActionId
      readonly outcome: 'withheld' | 'not-sent' | 'unknown'
      readonly why: string
      /** Set where the upstream did not look at it: it forgot the session, or does not take the credential. */
      readonly refused?: 'session' | 'credential'
      /** True where the effect has happened, as far as can be told: an answer came. */
      readonly happened?: true
    }

/** A connection that was made, and has ended. */
export interface Passed {
  readonly kind: 'passed'
  readonly action: ActionId
}

export type Refused = Extract<Performed, { kind: 'refused' }>

/** Characters of a name that a cell calls: a longer one is refused, declared or not. */
const NAME_CHARACTERS_MAX = 200

/** Returns an attempt as it is normalised: under the name that it is decided and recorded by. */
export function asked(gate: EnvironmentContext, cell: ServedCell, attempt: Attempt): Asked {
  const { upstream, operation, target, tool, args, during, most, leaving, alongside = [] } = attempt
  const call = during?.()
  const approvable = approvableOf(attempt)
  return {
    id: gate.newActionId(),
    cellId: cell.id,
    agent: cell.authority.agent,
    environment: cell.authority.environment,
    upstream: upstream.name,
    upstreamEnvironment: upstream.environment,
    operation,
    tool: operation === 'resource' ? templateOf(tool) : recordable(target),
    args,
    ...(call && { during: call }),
    ...(most && { cost: most }),
    ...(leaving !== undefined && { leaving }),
    ...(approvable && { approvable }),
    ...(alongside.length > 0 && {
      alongside: alongside.map((name) => ({ tool: operationIn(name).tool, known: upstream.contract(name) })),
    }),
  }
}

/** Returns what a person's yes can let through of an attempt (PA6). */
function approvableOf({ prepareApproved, isStreamed, isApprovedUnseen }: Attempt): Action['approvable'] {
  if (prepareApproved === undefined) return 'never'
  return isStreamed && !isApprovedUnseen ? 'unlabelled' : undefined
}

/** A resource is decided and recorded by the template that was granted; its URI stands in the arguments. */
function templateOf(tool: ToolName): ToolName {
  return tool.slice(tool.indexOf(':') + 1) as ToolName // a part of a checked name, without the control characters it lacks
}

/** A name that a cell made up, as it can stand in the ledger. */
export function recordable(name: string): ToolName {
  return toolName(cutShown(name, NAME_CHARACTERS_MAX).replaceAll(/\p{Cc}/gu, '�') || '(empty)')
}

/**
 * Tells whether a text can be the name of a tool, a prompt or a template: it is looked up, decided, recorded and sent as
 * the one name that it is. Of any other a part would be decided, and the whole sent.
 */
export function isName(text: string): boolean {
  return recordable(text) === text
}

/** The refusal of what is no name. */
export const NAME_FAULT: Extract<Refusal, { kind: 'arguments' }> = {
  kind: 'arguments',
  path: '$',
  problem: `its name is no name: one has 1 to ${NAME_CHARACTERS_MAX} characters, and no control characters`,
}
