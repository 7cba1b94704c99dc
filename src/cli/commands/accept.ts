import { dirname, resolve } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { type Accepted, writeAllAccepted } from '../../control/accepted.ts'
import { promptDefinition } from '../../control/catalogue.ts'
import { inspectUpstreams } from '../../control/inspect.ts'
import type { Judged } from '../../control/setup.ts'
import { definitionFault } from '../../gateway/definition.ts'
import type { Offered } from '../../gateway/inspect-main.ts'
import { definitionDigest } from '../../gateway/upstreams.ts'
import { grantedName, type JsonObject, personName, type ToolName, type UpstreamName } from '../../model/index.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { readConfig } from '../config.ts'
import { printable } from '../printable.ts'

export const command: Command = {
  name: 'accept',
  summary: 'Read what upstreams say their tools are, and accept it by name',
  usage: ['firebreak accept --config <file> [--upstream <name>] --as <person> [--yes] [--dry-run]'],
  example: 'firebreak accept --upstream payments-test --as maria.silva@shop.example',
  options: {
    config: { type: 'string', short: 'c', value: 'file', help: 'the configuration (default: firebreak.yaml)' },
    upstream: { type: 'string', value: 'name', help: 'only this one' },
    as: { type: 'string', value: 'person', help: 'who accepts; stands beside each definition' },
    yes: { type: 'boolean', help: 'accept without asking' },
    'dry-run': { type: 'boolean', help: 'show what differs, accept nothing; exits 4 if something does' },
    'no-input': { type: 'boolean', help: 'never ask; like --dry-run without --yes' },
  },
  run,
}

/** One definition that differs from what was accepted. */
interface Change {
  readonly upstream: UpstreamName
  readonly tool: ToolName
  readonly definition: JsonObject
  readonly kind: 'new' | 'changed'
  readonly before?: JsonObject
  /** Why it cannot be accepted. */
  readonly problem?: string
  /** Other upstreams that offer a tool of the same name. */
  readonly shadows: readonly UpstreamName[]
}

async function run(call: Call): Promise<ExitCode> {
  const read = await readConfig(call)
  if (!read.ok) return read.reason
  const judged = read.value
  const only = call.text('upstream')
  if (only !== undefined && ![...judged.config.upstreams.keys()].some((name) => name === only)) {
    call.print.fault(`there is no upstream "${only}"`, `declared: ${[...judged.config.upstreams.keys()].join(', ')}`)
    return EXIT.usage
  }
  const asking = [...judged.config.upstreams.values()].filter(({ name }) => only === undefined || name === only)
  call.print.progress(`asking ${asking.map(({ name }) => name).join(', ')}`)
  const stateDirectory = resolve(`${dirname(judged.config.file)}/.firebreak`)
  const offered = await inspectUpstreams(judged, asking, stateDirectory)
  if (!offered.ok) {
    call.print.fault(offered.reason)
    return EXIT.failed
  }
  let unreachable = false
  for (const [name, offer] of offered.value) {
    if (!('problem' in offer)) continue
    unreachable = true
    call.print.fault(`${name}: ${printable(offer.problem)}`)
  }
  const changes = changesIn(judged, offered.value)
  for (const line of changes.flatMap(changeText)) call.print.line(line)
  const good = changes.filter((change) => change.problem === undefined)
  call.print.object({ ok: !unreachable, changes: changes.map(({ definition: _, before: __, ...rest }) => rest) })
  if (good.length === 0) {
    call.print.line(
      changes.length === 0 ? 'Nothing has changed since it was accepted.' : 'None of these can be accepted.',
    )
    return unreachable || changes.length > 0 ? EXIT.failed : EXIT.ok
  }
  const person = call.text('as')
  if (call.flag('dry-run') || (call.flag('no-input') && !call.flag('yes'))) return EXIT.needsApproval
  if (person === undefined) {
    call.print.fault('--as is missing: an acceptance has a name', 'firebreak accept --as you@example.org')
    return EXIT.usage
  }
  if (!call.flag('yes') && !(await confirmed(`Accept ${good.length} of these as ${person}? [y/N] `)))
    return EXIT.needsApproval
  accept(judged, good, person)
  call.print.line(`Accepted by ${person}, beside ${judged.config.file}`)
  return unreachable ? EXIT.failed : EXIT.ok
}

function changesIn({ config, accepted }: Judged, offered: ReadonlyMap<UpstreamName, Offered>): readonly Change[] {
  const homes = new Map<ToolName, UpstreamName[]>()
  const found: Omit<Change, 'shadows'>[] = []
  for (const [upstream, offer] of offered) {
    if ('problem' in offer) continue
    const declared = config.upstreams.get(upstream)?.tools
    const definitions = [
      ...offer.tools.map((tool) => [grantedNameOf('tool', tool), tool] as const),
      ...offer.prompts.map((prompt) => [grantedNameOf('prompt', prompt), promptDefinition(prompt)] as const),
    ]
    for (const [tool, definition] of definitions) {
      if (tool === undefined) continue
      homes.set(tool, [...(homes.get(tool) ?? []), upstream])
      // What the configuration does not declare cannot be granted: there is nothing to accept.
      if (declared?.has(tool) !== true) continue
      const before = accepted.get(upstream)?.get(tool)
      if (before?.digest === definitionDigest(definition)) continue
      const problem = definitionFault(definition)
      found.push({
        upstream,
        tool,
        definition,
        kind: before === undefined ? 'new' : 'changed',
        ...(before && { before: before.definition }),
        ...(problem !== undefined && { problem }),
      })
    }
  }
  return found.map((change) => ({
    ...change,
    shadows: (homes.get(change.tool) ?? []).filter((name) => name !== change.upstream),
  }))
}

function grantedNameOf(operation: 'tool' | 'prompt', definition: JsonObject): ToolName | undefined {
  const { name } = definition
  return typeof name === 'string' && name !== '' && name.length <= 200 && !/\p{Cc}/u.test(name)
    ? grantedName(operation, name)
    : undefined
}

/** What a person reads before accepting: every member that is new or different, in the upstream's own words. */
function changeText({ upstream, tool, definition, kind, before, problem, shadows }: Change): readonly string[] {
  const members = Object.entries(definition).filter(
    ([member, value]) => JSON.stringify(before?.[member]) !== JSON.stringify(value),
  )
  const gone = Object.keys(before ?? {}).filter((member) => !(member in definition))
  return [
    `${kind === 'new' ? '+' : '~'} ${upstream}/${printable(tool)}`,
    ...members.map(([member, value]) => `    ${member}: ${printable(JSON.stringify(value)).slice(0, 2_000)}`),
    ...gone.map((member) => `    ${member}: (gone)`),
    ...shadows.map(
      (name) => `    ! a tool of the same name is offered by "${name}": an agent may mistake one for the other`,
    ),
    ...(problem === undefined ? [] : [`    ! cannot be accepted: ${printable(problem)}`]),
  ]
}

function accept({ config, accepted }: Judged, changes: readonly Change[], person: string): void {
  const upstreams = new Map([...accepted].map(([name, tools]) => [name, new Map<ToolName, Accepted>(tools)]))
  for (const { upstream, tool, definition } of changes) {
    const tools = upstreams.get(upstream) ?? new Map<ToolName, Accepted>()
    upstreams.set(upstream, tools)
    tools.set(tool, {
      name: tool,
      definition,
      digest: definitionDigest(definition),
      acceptedBy: personName(person),
      acceptedAtMs: Date.now(),
    })
  }
  writeAllAccepted(config, upstreams)
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await lines.question(question)
  lines.close()
  return /^y(es)?$/i.test(answer.trim())
}
