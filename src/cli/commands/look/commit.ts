import process from 'node:process'
import type { Executes, Landing } from '../../../cells/workspace.ts'
import type { Agent } from '../../../config/config.ts'
import { type Contained, containedNow, ruleFor, type WantedCommit } from '../../../host/files/commit.ts'
import { CHANGED_SINCE, changedSinceShown, noteShown, seenAs } from '../../../host/files/shown-changes.ts'
import { workspaceFaultText } from '../../../host/files/workspace-fault.ts'
import { no, ok, parseJson, type Result } from '../../../model/index.ts'
import type { WorkspaceOperator } from '../../../operator/workspace-operator.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import {
  agentOfWorkspace,
  confirmedBy,
  personOf,
  stateOfWorkspace,
  WORKSPACE_OPTIONS,
  withWorkspace,
} from '../../options/workspace.ts'
import { folded, named, printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'commit',
  usage: [
    'firebreak commit [--agent <name>] [<path>…] [--confirm <path,…>] [--yes] [--contained <order>] [--discard]',
    'firebreak commit [--agent <name>] --rule [--confirm <path,…>]',
  ],
  example: 'firebreak commit --agent refund-bot\nfirebreak commit src/refunds.ts --confirm package.json',
  words: Number.POSITIVE_INFINITY,
  options: {
    ...WORKSPACE_OPTIONS,
    confirm: {
      type: 'string',
      value: 'paths',
      help: 'of what a host would execute, these are wanted (commas between, or a JSON list)',
    },
    rule: {
      type: 'boolean',
      help: 'land what the configuration allows (cell: commit), without asking; not while its agent is contained',
    },
    contained: {
      type: 'string',
      value: 'order',
      help: 'its agent is contained by this order, and the named paths are to land all the same',
    },
    unsaved: { type: 'boolean', help: 'do not save what is there first (a full disk)' },
    as: { type: 'string', value: 'person', help: 'who lands it (default: the login name)' },
    yes: { type: 'boolean', help: 'land without asking; what a host would execute still needs --confirm' },
    discard: { type: 'boolean', help: 'throw the changes away instead' },
    'no-input': { type: 'boolean', help: 'never ask' },
  },
  run: (call) => withWorkspace(call, (operator, changes) => commit(call, operator, changes)),
}

async function commit(call: Call, operator: WorkspaceOperator, changes: string): Promise<ExitCode> {
  if (call.flag('discard')) return discard(call, operator, changes)
  const agent = await agentOfWorkspace(call, changes)
  if (!agent.ok) return agent.reason
  const confirmed = pathsIn(call.text('confirm') ?? '')
  const rule = ruleFor(agent.value, !call.flag('rule'))
  if (call.flag('rule') && (rule.allow.length === 0 || call.positionals.length > 0)) {
    call.print.fault(
      rule.allow.length === 0 ? 'the configuration has no rule that lets anything land' : '--rule goes without paths',
      'cell: { commit: { allow: [src/**] } } under the agent says what lands without being listed',
    )
    return EXIT.usage
  }
  const standing = containedNow(stateOfWorkspace(changes), agent.value?.name)
  if (!standing.ok) return contained(call, standing.reason)
  const asked = standing.value === undefined ? ok({}) : await despite(call, standing.value)
  if (!asked.ok) return asked.reason
  const by = { rule, confirmed, ...asked.value }
  if (call.flag('rule')) return landed(call, await land(call, operator, changes, agent.value, by))
  const diff = await operator.diff(changes)
  if (!diff.ok && diff.reason.kind === 'in-use' && call.positionals.length > 0)
    return landed(call, await land(call, operator, changes, agent.value, { ...by, paths: call.positionals }))
  if (!diff.ok) {
    const next = diff.reason.kind === 'in-use' ? ['while a cell lives on it, name the paths, or give --rule'] : []
    call.print.fault(printable(workspaceFaultText(diff.reason)), ...next)
    return EXIT.failed
  }
  const executes = new Map(diff.value.executes.map((each) => [each.path, each]))
  const paths = call.positionals.length > 0 ? call.positionals : diff.value.changes.map(({ path }) => path)
  const changed = changedSinceShown(changes, diff.value)
  const held = paths.flatMap((path) => {
    const each = executes.get(path)
    if (each === undefined || (confirmed.includes(path) && !changed.has(path))) return []
    return [confirmed.includes(path) ? { path, why: `${each.why}; ${CHANGED_SINCE}` } : each]
  })
  const unseen = paths.filter((path) => changed.has(path) && !executes.has(path))
  if (unseen.length > 0) {
    const lines = unseen.map((path) => folded(named(path)).join('\n'))
    call.print.fault(
      'not landed: these have changed since you were shown them',
      ...lines,
      'firebreak diff, then commit',
    )
    return EXIT.needsApproval
  }
  if (held.length > 0) {
    if (changed.size === 0) noteShown(changes, diff.value)
    return hold(call, held)
  }
  if (paths.length === 0) {
    call.print.line('Nothing was changed.')
    call.print.object({ ok: true, landed: [], refused: [], left: [] })
    return EXIT.ok
  }
  const question = `Land ${paths.length} changes in ${diff.value.record.lower}? [y/N] `
  if (!(await confirmedBy(call, question))) return EXIT.needsApproval
  return landed(
    call,
    await land(call, operator, changes, agent.value, { ...by, paths, seen: seenAs(diff.value, paths) }),
  )
}

/**
 * Tells a person that the agent is contained whose files are to land: nothing lands that nobody has looked at, and what they
 * have named lands by their word that they know it. Returns which order they know of.
 */
async function despite(call: Call, { order, text }: Contained): Promise<Result<Pick<WantedCommit, 'told'>, ExitCode>> {
  const isNamed = call.positionals.length > 0
  if (isNamed && call.text('contained') === order) return ok({ told: order })
  if (isNamed && !call.flag('yes') && !call.flag('no-input') && process.stdin.isTTY) {
    call.print.line(printable(text))
    return (await confirmedBy(call, 'It is contained. Go on all the same? [y/N] '))
      ? ok({ told: order })
      : no(EXIT.needsApproval)
  }
  return no(contained(call, text, ...(isNamed ? [`to land them all the same: --contained ${order}`] : [])))
}

function contained(call: Call, why: string, ...next: readonly string[]): ExitCode {
  const named = next.length > 0 ? next : ['a person names the paths that are to land: firebreak diff shows them']
  call.print.fault(`not landed: ${printable(why)}`, ...named)
  return EXIT.contained
}

/** Lands what is wanted; what is there is saved first. */
function land(
  call: Call,
  operator: WorkspaceOperator,
  changes: string,
  agent: Agent | undefined,
  wanted: WantedCommit,
): Promise<Result<Landing, string | readonly Executes[]>> {
  return operator.commit({ changes, agent, by: personOf(call), save: !call.flag('unsaved') }, wanted)
}

function landed(call: Call, landing: Result<Landing, string | readonly Executes[]>): ExitCode {
  if (!landing.ok) {
    if (typeof landing.reason !== 'string') return hold(call, landing.reason)
    call.print.fault(printable(landing.reason))
    return EXIT.failed
  }
  const { landed: done, refused, left } = landing.value
  for (const path of done) call.print.line(`landed ${named(path)}`)
  for (const { path, why } of left) call.print.line(`left ${named(path)}: ${printable(why)}`)
  for (const { refused: path, why } of refused) call.print.line(`refused ${named(path)}: ${printable(why)}`)
  call.print.object({ ok: refused.length === 0, landed: done, refused, left })
  if (refused.length > 0) return EXIT.failed
  return left.some(({ needsPerson }) => needsPerson) ? EXIT.needsApproval : EXIT.ok
}

/** A path may hold a comma: a list in JSON can name it. */
function pathsIn(text: string): readonly string[] {
  if (!text.startsWith('[')) return text.split(',').filter((path) => path !== '')
  const list: unknown = parseJson(text)
  return Array.isArray(list) ? list.map(String) : []
}

/** A person decides about each of these by name: landing one hands the agent the host's hands. */
function hold(call: Call, executes: readonly Executes[]): ExitCode {
  const lines = executes.map(({ path, why }) => folded(`${named(path)}: ${why}`).join('\n'))
  call.print.fault(
    'not landed: a host would act upon these by itself',
    ...lines,
    '--confirm <path,…> for those that you want',
  )
  return EXIT.needsApproval
}

async function discard(call: Call, operator: WorkspaceOperator, changes: string): Promise<ExitCode> {
  if (!(await confirmedBy(call, `Throw away everything that was changed in ${changes}? [y/N] `)))
    return EXIT.needsApproval
  const done = await operator.discard(changes)
  if (!done.ok) call.print.fault(printable(workspaceFaultText(done.reason)))
  else call.print.line('Thrown away.')
  call.print.object({ ok: done.ok })
  return done.ok ? EXIT.ok : EXIT.failed
}
