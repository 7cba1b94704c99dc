import type { AgentReach, UpstreamReach } from '../host/reach/reach.ts'
import type { AgentChanges } from '../host/reach/reach-diff.ts'
import { MEASURE_NAMES, MEASURES, sourceText, UNTRUSTED, visibleText } from '../model/index.ts'
import { type ReachedOperation, WORKSPACE } from '../policy/index.ts'

/** A reach as a person reads it in a minute: money first, then what can be done where, then which data can meet. */
export function reachText(reach: AgentReach): readonly string[] {
  const { agent, owner, environment, upstreams, operations, idle } = reach
  const lines = [
    `${agent} · environment ${environment}${reach.hardened ? ', hardened' : ''} · answers to ${owner}`,
    'The worst case of its cells: whatever they read, and whatever they are told.',
    '',
    ...money(reach),
    ...upstreams.flatMap((upstream) => [
      '',
      upstreamLine(upstream),
      ...operations.filter((each) => each.upstream === upstream.name).flatMap((each) => operationLines(each, reach)),
    ]),
    ...section(
      'Granted, and of no use',
      idle.map(({ id, why }) => `${id}: ${why}`),
    ),
    ...section('Data that its cells can come to carry', dataLines(reach)),
    ...section('Data that crosses from one upstream to another without a person', crossingLines(reach)),
    ...section(
      'What may name a destination, beside the task',
      reach.trusted.map(({ id, paths }) => `${id}: ${paths.join(', ')}`),
    ),
    ...section(
      'RELAYS: the hosts outside that they reach on its word, with what it tells them',
      upstreams.flatMap((upstream) => egressLines(upstream, operations)),
    ),
    ...section(
      'REMOTE RELAYS: what they do further on its word, no promise covers (S6)',
      reach.remoteRelays.map((relay) => `${relay.upstream}: ${relay.operations.join(', ')}`),
    ),
    ...section(
      'Agents whose cells it may give parts of all this',
      reach.delegates.length === 0 ? [] : [reach.delegates.join(', ')],
    ),
    ...section('Its cell', cellLines(reach)),
  ]
  return lines.map(visibleText)
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]
}

function money({ spend, perDay, operations }: AgentReach): readonly string[] {
  const spends = spend.map(({ currency, perDay: most }) => {
    if (most !== undefined) return `SPENDS at most ${most} ${currency} in any 24 hours`
    return `SPENDS WITHOUT LIMIT${currency === 'any' ? ', in any currency' : ` in ${currency}`}: no budget caps ${unlimited(operations, currency)}`
  })
  const calls =
    perDay.calls === undefined ? 'CALLS without limit' : `CALLS at most ${perDay.calls} times in any 24 hours`
  const volume = MEASURE_NAMES.filter((kind) => kind !== 'calls').flatMap((kind) =>
    perDay[kind] === undefined ? [] : [`${MEASURES[kind].verb} at most ${perDay[kind]} ${kind} in any 24 hours`],
  )
  return operations.length === 0
    ? ['It can do nothing.']
    : [...(spends.length === 0 ? ['SPENDS nothing'] : spends), calls, ...volume]
}

function unlimited(operations: readonly ReachedOperation[], currency: string): string {
  const open = operations.filter(({ spend }) =>
    spend.some((each) => each.perDay === undefined && each.currency === currency),
  )
  return open.map(({ id }) => id).join(', ')
}

function upstreamLine({ name, environment, where, remote, secrets }: UpstreamReach): string {
  const injected = secrets.length === 0 ? '' : ` · secrets injected: ${secrets.join(', ')}`
  return `${name} · ${environment} · ${where}${remote ? ' · REMOTE' : ''}${injected}`
}

function egressLines({ name, egress }: UpstreamReach, operations: readonly ReachedOperation[]): readonly string[] {
  if (egress.length === 0) return []
  const by = operations.filter(({ upstream }) => upstream === name).map(({ tool }) => tool)
  return [`${name}, by ${by.join(', ')}:`, ...egress.map((origin) => `  ${origin}`)]
}

function operationLines(operation: ReachedOperation, { spend: _, labels }: AgentReach): readonly string[] {
  const { effect, tool, permits, forbids, spend, perDay, carries, masked } = operation
  const details = [
    ...(carries.length === 0 ? [`a person is always asked${whyAlways(operation, labels)}`] : []),
    ...spend.map(({ currency, perDay: most }) =>
      most === undefined ? `spends WITHOUT LIMIT (${currency})` : `spends at most ${most} ${currency} in any 24 hours`,
    ),
    ...(perDay.calls === undefined ? [] : [`at most ${perDay.calls} times in any 24 hours`]),
    ...permits.map(({ when, source }, i) => {
      const word = i === 0 ? 'if' : 'or if'
      return when === undefined
        ? `${i === 0 ? 'unconditionally' : 'or unconditionally'} (${sourceText(source)})`
        : `${word} ${when.replace(/\s+/g, ' ')} (${sourceText(source)})`
    }),
    ...forbids.map(({ policy, source }) => `not where ${named(policy, sourceText(source))} forbids`),
    ...argumentLines(operation),
    ...(masked.length === 0 ? [] : [`never sees ${masked.join(', ')}`]),
  ]
  return [`  ${effect.padEnd(13)}${tool}`, ...details.map((line) => `${' '.repeat(17)}${line}`)]
}

function whyAlways({ accepts }: ReachedOperation, labels: AgentReach['labels']): string {
  const always = labels.filter(({ label, from }) => from.includes(WORKSPACE) && !accepts.includes(label))
  return always.length === 0
    ? ''
    : `: its workspace is ${always.map(({ label }) => label).join(', ')}, which this does not accept`
}

function named(policy: string, place: string): string {
  return policy === place ? place : `${policy} (${place})`
}

/** Arguments that lead alike stand in one line. */
function argumentLines({ arguments: args }: ReachedOperation): readonly string[] {
  const groups = Map.groupBy(args, ({ leads, values }) => JSON.stringify([leads, values]))
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    return [`${group.map(({ path }) => path).join(', ')}: ${leadsText(first)}`]
  })
}

function leadsText({ leads, values }: ReachedOperation['arguments'][number]): string {
  switch (leads) {
    case 'named':
      return values.length === 0
        ? 'only what the task or a trusted field names'
        : `only ${listed(values)}, or what the task or a trusted field names`
    case 'content':
      return 'any text; links in it only to what is named, once the cell has read what anyone can write'
    case 'carried':
      return 'any text'
    case 'free':
      return 'anything'
  }
}

const SHOWN_MAX = 8

function listed(values: readonly string[]): string {
  const shown = values.slice(0, SHOWN_MAX).map((value) => JSON.stringify(value))
  return `${shown.join(', ')}${values.length > SHOWN_MAX ? ` and ${values.length - SHOWN_MAX} more` : ''}`
}

function dataLines({ labels, operations }: AgentReach): readonly string[] {
  const meetings = operations.flatMap(({ id, effect, carries, arguments: args }) =>
    args.length === 0 || effect === 'read'
      ? []
      : carries.filter((set) => set.length > 1).map((set) => `${set.join(' + ')} MEET at ${id} (${effect})`),
  )
  return [
    ...labels.map(
      ({ label, from }) => `${label}${label === UNTRUSTED ? ' (anyone can write it)' : ''}: from ${from.join(', ')}`,
    ),
    ...meetings,
  ]
}

function crossingLines({ crossings }: AgentReach): readonly string[] {
  return crossings.map(({ label, from, to }) => `${label}: ${from.join(', ')} → ${to}`)
}

function cellLines({ cell }: AgentReach): readonly string[] {
  const { network, root, workspace, labels, files, env, wallMs, grantsMs } = cell
  return [
    network === 'listener'
      ? 'network    its gateway and nothing else'
      : 'network    every address leads to its gateway, and to nothing else',
    `root       ${root}`,
    ...(workspace === undefined
      ? []
      : [`workspace  ${workspace}, through a private overlay (${labels.join(', ') || 'no label'})`]),
    ...files.map(({ at, from }) => `file       ${at} from ${from}, read-only`),
    ...(env.length === 0 ? [] : [`variables  ${env.join(', ')}`]),
    `time       a run lasts at most ${duration(wallMs)}${grantsMs === 0 ? '' : `, its grants at most ${duration(grantsMs)}`}`,
  ]
}

function duration(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`
}

/** Returns the text of a change for a reviewer: what becomes possible first, the worst of it at the top. */
export function diffText(agents: readonly AgentChanges[]): readonly string[] {
  const lines = agents.flatMap(({ agent, changes }) => {
    const [wider, narrower] = [changes.filter(({ widens }) => widens), changes.filter(({ widens }) => !widens)]
    return [
      ...section(
        `${agent}: becomes possible`,
        wider.map(({ about, text }) => `+ ${about} ${text}`),
      ),
      ...section(
        `${agent}: no longer possible`,
        narrower.map(({ about, text }) => `- ${about} ${text}`),
      ),
    ]
  })
  const wider = agents.some(({ changes }) => changes.some(({ widens }) => widens))
  const verdict = wider ? 'Something becomes possible that was not.' : 'Nothing becomes possible that was not.'
  return [verdict, ...lines].map(visibleText)
}
