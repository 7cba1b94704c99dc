import { dirname, resolve } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { type Accepted, readSpoken, writeAllAccepted } from '../../control/accepted.ts'
import { promptDefinition } from '../../control/catalogue.ts'
import { type Inspected, inspectUpstreams } from '../../control/inspect.ts'
import { programFault, unseenArguments } from '../../control/program.ts'
import type { Judged } from '../../control/setup.ts'
import { stubLines, toolStub } from '../../control/tool-stub.ts'
import { definitionFault } from '../../gateway/definition.ts'
import { definitionDigest } from '../../gateway/upstreams.ts'
import { grantedName, type JsonObject, personName, type ToolName, type UpstreamName } from '../../model/index.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../command.ts'
import { readConfig } from '../config.ts'
import { printable } from '../printable.ts'

export const command: Command = {
  name: 'accept',
  summary: 'Read what upstreams say their tools are, and accept it by name',
  usage: [
    'firebreak accept --as <person> [--upstream <name>] [--yes] [--config <file>]',
    'firebreak accept --dry-run',
    'firebreak accept --stubs',
  ],
  example: 'firebreak accept --as maria.silva@shop.example\nfirebreak accept --upstream payments-test --dry-run',
  options: {
    ...CONFIG_OPTION,
    upstream: { type: 'string', value: 'name', help: 'only this one' },
    as: { type: 'string', value: 'person', help: 'who accepts; stands beside each definition' },
    yes: { type: 'boolean', help: 'accept without asking' },
    'dry-run': { type: 'boolean', help: 'show what differs, accept nothing; exits 4 if something does' },
    stubs: { type: 'boolean', help: 'print what to write under tools: for what is offered and not declared' },
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
  const problems: { upstream: UpstreamName; problem: string; said: readonly string[] }[] = []
  for (const [name, offer] of offered.value) {
    if (!('problem' in offer)) continue
    unreachable = true
    problems.push({ upstream: name, problem: offer.problem, said: offer.said })
    call.print.progress(`${name} did not tell its tools: ${offer.problem}`)
    for (const line of [...offer.said, ...hintsFor(judged, name)]) call.print.progress(`  ${line}`)
  }
  const leaking = [...offered.value].flatMap(([upstream, offer]) =>
    'problem' in offer ? [] : offer.leaking.map((leak) => ({ upstream, ...leak })),
  )
  for (const { upstream, what, secret } of leaking)
    call.print.progress(
      `${upstream}: ${printable(what)} repeats the secret "${secret}" in its definition: it is not shown, not written and cannot be accepted; have the server keep it out`,
    )
  if (call.flag('stubs')) return printStubs(call, judged, offered.value, problems)
  const undeclared = undeclaredIn(judged, offered.value)
  for (const { upstream, missing, more } of undeclared) {
    if (missing.length > 0)
      call.print.progress(
        `${upstream} does not offer what is declared: ${missing.join(', ')}; it offers ${more.join(', ') || 'no other'}`,
      )
    else if (more.length > 0)
      call.print.progress(`${upstream} also offers ${more.join(', ')}: nobody may use what is not declared`)
  }
  const changes = changesIn(judged, offered.value)
  for (const line of changes.flatMap(changeText)) call.print.line(line)
  const good = changes.filter((change) => change.problem === undefined)
  const amiss = unreachable || leaking.length > 0 || undeclared.some(({ missing }) => missing.length > 0)
  const told = changes.map(({ definition: _, before: __, ...rest }) => rest)
  const object = (accepted: boolean) =>
    call.print.object({ ok: !amiss, accepted, changes: told, problems, undeclared, leaking })
  if (good.length === 0) {
    if (!call.flag('dry-run')) noteSpoken(judged, offered.value)
    if (changes.length > 0) call.print.line('None of these can be accepted.')
    else if (!amiss) call.print.line('Nothing has changed since it was accepted.')
    object(false)
    return amiss || changes.length > 0 ? EXIT.failed : EXIT.ok
  }
  const person = call.text('as')
  const never = call.flag('dry-run') || (call.flag('no-input') && !call.flag('yes'))
  if (person === undefined && !never) {
    call.print.fault('--as is missing: an acceptance has a name', 'firebreak accept --as you@example.org')
    return EXIT.usage
  }
  const asked = !never && (call.flag('yes') || (await confirmed(`Accept ${good.length} of these as ${person}? [y/N] `)))
  if (!asked || person === undefined) {
    const again = process.stdin.isTTY ? '' : ' (no terminal to ask on: --yes accepts without asking)'
    call.print.line(`${good.length} wait to be accepted, nothing was${never ? '' : again}`)
    object(false)
    return EXIT.needsApproval
  }
  accept(judged, good, person, spokenBy(judged, offered.value))
  call.print.line(`Accepted by ${person}, beside ${judged.config.file}`)
  object(true)
  return amiss ? EXIT.failed : EXIT.ok
}

/** For a person to judge and to paste: nothing is written. */
function printStubs(
  call: Call,
  { config }: Judged,
  offered: ReadonlyMap<UpstreamName, Inspected>,
  problems: readonly object[],
): ExitCode {
  const all = [...offered].map(([upstream, offer]) => {
    const declared = config.upstreams.get(upstream)?.tools
    const stubs = ('problem' in offer ? [] : offer.tools).flatMap((tool) => toolStub(tool) ?? [])
    return { upstream, stubs: stubs.filter(({ name }) => declared?.has(grantedName('tool', name)) !== true) }
  })
  const some = all.filter(({ stubs }) => stubs.length > 0)
  if (some.length > 0) {
    call.print.line(
      '# Effects are what each server says of itself: check them. What it does not call harmless is irreversible.',
    )
    call.print.line('upstreams:')
  } else if (problems.length === 0) call.print.line('Everything that is offered is declared.')
  for (const { upstream, stubs } of some)
    for (const line of [`  ${upstream}:`, '    tools:', ...stubLines(stubs, '      ')]) call.print.line(line)
  call.print.object({ ok: problems.length === 0, stubs: all, problems })
  return problems.length === 0 ? EXIT.ok : EXIT.failed
}

/** What the configuration declares and the upstream does not have, and the other way round. */
function undeclaredIn({ config }: Judged, offered: ReadonlyMap<UpstreamName, Inspected>) {
  return [...offered].flatMap(([upstream, offer]) => {
    if ('problem' in offer) return []
    const declared = [...(config.upstreams.get(upstream)?.tools.keys() ?? [])].filter(
      (tool) => !tool.startsWith('resource:'),
    )
    const has = [
      ...offer.tools.map((tool) => grantedNameOf('tool', tool)),
      ...offer.prompts.map((prompt) => grantedNameOf('prompt', prompt)),
    ].filter((tool) => tool !== undefined)
    const told = offer.leaking.map(({ what }) => what)
    const missing = declared.filter((tool) => !has.includes(tool) && !told.includes(`tool ${tool}`))
    const more = has.filter((tool) => !declared.includes(tool))
    return missing.length + more.length > 0 ? [{ upstream, missing, more }] : []
  })
}

/** Most servers that do not start lack something that their cell does not show them. */
function hintsFor({ config }: Judged, name: UpstreamName): readonly string[] {
  const mcp = config.upstreams.get(name)?.mcp
  if (mcp?.kind !== 'stdio') return []
  const [program = '', ...args] = mcp.command
  const fault = programFault(mcp.cell, program)
  const unseen = unseenArguments(mcp.cell, args)
  if (unseen.length > 0) {
    const shown = unseen.map((path) => `${path}: ${path}`).join(', ')
    return [
      `its cell does not see ${unseen.join(', ')}`,
      `show what it needs of it: mcp: { cell: { files: { ${shown} } } }`,
    ]
  }
  return fault === undefined
    ? [
        `its cell sees the host’s /usr and what stands under mcp.cell.files, and has no network; all that it said: .firebreak/log/upstream-${name}.log`,
      ]
    : [fault.problem, fault.fix]
}

function changesIn({ config, accepted }: Judged, offered: ReadonlyMap<UpstreamName, Inspected>): readonly Change[] {
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

/** What each upstream spoke when it was asked last: the next start begins with it, and asks no more. */
function spokenBy(
  { config }: Judged,
  offered: ReadonlyMap<UpstreamName, Inspected>,
): ReadonlyMap<UpstreamName, string> {
  const now = [...offered].flatMap(([name, offer]) => ('problem' in offer ? [] : [[name, offer.revision] as const]))
  return new Map([...readSpoken(config), ...now])
}

/** Of upstreams of which something is accepted already; it grants nothing, and needs no name. */
function noteSpoken(judged: Judged, offered: ReadonlyMap<UpstreamName, Inspected>): void {
  const spoken = spokenBy(judged, offered)
  const isNew = [...spoken].some(
    ([name, revision]) => judged.accepted.has(name) && judged.spoken.get(name) !== revision,
  )
  if (isNew) writeAllAccepted(judged.config, judged.accepted, spoken)
}

function accept(
  { config, accepted }: Judged,
  changes: readonly Change[],
  person: string,
  spoken: ReadonlyMap<UpstreamName, string>,
): void {
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
  writeAllAccepted(config, upstreams, spoken)
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await lines.question(question)
  lines.close()
  return /^y(es)?$/i.test(answer.trim())
}
