import { basename } from 'node:path'
import process from 'node:process'
import { findCheckpoint, type Made, storeOf } from '../../../host/files/checkpoints.ts'
import { workspaceFaultText } from '../../../host/files/workspace-fault.ts'
import { asJson, type Json } from '../../../model/index.ts'
import type { WorkspaceOperator } from '../../../operator/workspace-operator.ts'
import type { Checkpoint } from '../../../recovery/checkpoint.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import {
  agentOfWorkspace,
  confirmedBy,
  personOf,
  WORKSPACE_OPTIONS,
  withWorkspace,
  workspacesOf,
} from '../../options/workspace.ts'
import { named, plain, printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'checkpoint',
  usage: [
    'firebreak checkpoint [<agent>] [--name <name>] [--why <text>] [--as <person>]',
    'firebreak checkpoint [<agent>] --list',
    'firebreak checkpoint [<agent>] --remove <checkpoint>',
  ],
  example: 'firebreak checkpoint refund-bot --name before-migration --why "the schema changes today"',
  words: 1,
  options: {
    ...WORKSPACE_OPTIONS,
    name: { type: 'string', value: 'name', help: 'one with a name never goes by itself' },
    why: { type: 'string', value: 'text', help: 'the reason, for the ledger' },
    as: { type: 'string', value: 'person', help: 'who asks, as the ledger will name them (default: the login name)' },
    list: { type: 'boolean', help: 'show the history, oldest first' },
    remove: { type: 'string', value: 'checkpoint', help: 'remove this one, by its id or name' },
    yes: { type: 'boolean', help: 'with --remove: without asking' },
    'no-input': { type: 'boolean', help: 'never ask' },
  },
  run(call) {
    const [agent] = call.positionals
    if (call.flag('list')) return history(call, agent)
    return withWorkspace(
      call,
      (operator, changes) =>
        call.text('remove') === undefined ? make(call, operator, changes) : remove(call, operator, changes),
      agent,
    )
  },
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

async function make(call: Call, operator: WorkspaceOperator, changes: string): Promise<ExitCode> {
  const name = call.text('name')
  if (name !== undefined && (!NAME.test(name) || name.startsWith('k_'))) {
    call.print.fault(`--name ${printable(name)}: letters, digits, ".", "_" and "-", at most 64, and not like an id`)
    return EXIT.usage
  }
  const agent = await agentOfWorkspace(call, changes)
  if (!agent.ok) return agent.reason
  const ask = { changes, agent: agent.value, by: personOf(call), why: call.text('why') ?? 'a person asked' }
  const made = await operator.checkpoint(ask, name)
  if (made.ok) return told(call, made.value, basename(changes))
  call.print.fault(`nothing was saved: ${printable(made.reason)}`)
  return EXIT.failed
}

function told(call: Call, { checkpoint, gone }: Made, workspace: string): ExitCode {
  call.print.line(`${checkpoint.id}  ${mebibytes(checkpoint.bytes)} of ${printable(workspace)} saved`)
  if (gone.length > 0) call.print.line(`${gone.join(', ')} went for it`)
  call.print.line(`Back to it with: firebreak restore ${workspace} ${checkpoint.name ?? checkpoint.id}`)
  call.print.object({ ok: true, checkpoint: shown(checkpoint), gone })
  return EXIT.ok
}

function history(call: Call, agent: string | undefined): Promise<ExitCode> {
  const kept = workspacesOf(call, agent)
  if (!kept.ok) {
    call.print.fault(kept.reason)
    return Promise.resolve(EXIT.usage)
  }
  const all = kept.value.map((changes) => ({ workspace: basename(changes), store: storeOf(changes) }))
  const object: Json[] = []
  for (const { workspace, store } of all) {
    const [checkpoints, head, damaged] = [store.list(), store.head(), store.damaged()]
    object.push({ workspace, head: head ?? null, checkpoints: checkpoints.map(shown), damaged })
    if (checkpoints.length + damaged.length === 0 && all.length > 1) continue
    call.print.line(`${workspace}: ${checkpoints.length === 0 ? NOTHING : ''}`)
    for (const each of checkpoints) call.print.line(`${each.id === head ? '> ' : '  '}${lineOf(each)}`)
    for (const name of damaged) call.print.line(`x ${printable(name)} is damaged: it cannot be restored`)
  }
  call.print.object({ ok: true, workspaces: object })
  return Promise.resolve(EXIT.ok)
}

/** Words where nothing was saved: without root there is the profile `user` alone. */
const NOTHING = process.getuid?.() === 0 ? 'nothing was saved' : 'nothing was saved: profile user has no checkpoints'

function lineOf({ id, name, occasion, by, why, madeAtMs, bytes, parent }: Checkpoint): string {
  const time = new Date(madeAtMs).toISOString().slice(0, 19).replace('T', ' ')
  const from = parent === undefined ? '' : `  after ${parent}`
  return `${id}  ${time}  ${mebibytes(bytes).padStart(9)}  ${name ?? `(${occasion})`}  by ${named(by)}: ${plain(why, 1)}${from}`
}

/** Returns a checkpoint as people are told it, without what only a mount needs. */
function shown({ workspace: _, stamp: __, spans: ___, ...rest }: Checkpoint): Json {
  return asJson(rest)
}

async function remove(call: Call, operator: WorkspaceOperator, changes: string): Promise<ExitCode> {
  const store = storeOf(changes)
  const reference = call.text('remove') ?? ''
  const found = findCheckpoint(store, reference)
  const id = found?.id ?? store.damaged().find((name) => name === reference)
  if (id === undefined) {
    call.print.fault(
      `there is no checkpoint ${printable(reference)}`,
      'firebreak checkpoint --list shows what there is',
    )
    return EXIT.usage
  }
  if (!(await confirmedBy(call, `Remove ${id}${found?.name === undefined ? '' : ` "${found.name}"`} for good? [y/N] `)))
    return EXIT.needsApproval
  const removed = await operator.removeCheckpoint(changes, id as Checkpoint['id'])
  if (!removed.ok) {
    call.print.fault(`not removed: ${printable(workspaceFaultText(removed.reason))}`)
    return EXIT.failed
  }
  call.print.line(`${id} is removed`)
  call.print.object({ ok: true, removed: id })
  return EXIT.ok
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}
