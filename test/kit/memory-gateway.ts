/**
 * A gateway's pipeline without a process: a ledger in memory, one cell, and one upstream that says what a test wants it to
 * say. `events` tells what happened, in its order: `connect`, `prepare`, `send`, and each entry by its kind.
 */
import assert from 'node:assert/strict'
import { blankCell } from '../../src/gateway/admission/admission.ts'
import type { EnvironmentContext } from '../../src/gateway/admission/environment-context.ts'
import type { ServedCell } from '../../src/gateway/admission/served-cell.ts'
import { compileSchema } from '../../src/gateway/content/schema.ts'
import { openSecrets } from '../../src/gateway/content/secrets.ts'
import { LoopSlices } from '../../src/gateway/fairness/loop-slices.ts'
import { drawActionId } from '../../src/gateway/pipeline/action-ids.ts'
import type { Attempt } from '../../src/gateway/pipeline/attempt.ts'
import { HoldBook } from '../../src/gateway/pipeline/holds.ts'
import type { Answer, Contract, Line, SendOptions, Sent } from '../../src/gateway/pipeline/line.ts'
import type { Ledger } from '../../src/ledger/log/ledger.ts'
import { type MemoryLogFaults, memoryLogs } from '../../src/ledger/memory/memory-logs.ts'
import type { Entry } from '../../src/model/entry.ts'
import {
  type CellId,
  environmentName,
  isJsonObject,
  type Json,
  type JsonObject,
  type Label,
  type Operation,
  protocolName,
  type ToolName,
  toolName,
  upstreamName,
} from '../../src/model/index.ts'
import type { PolicyBundle } from '../../src/policy/cedar/bundle.ts'
import type { Authority } from '../../src/policy/decide/authority.ts'
import { Exposure } from '../../src/policy/flow/exposure.ts'
import { authority, CATALOGUE, NOW_MS } from '../policy/fixture.ts'

export interface MemoryGateway {
  readonly gate: EnvironmentContext
  readonly cell: ServedCell
  readonly line: Line
  readonly ledger: Ledger
  readonly faults: MemoryLogFaults
  readonly events: string[]
  /** Moves the clock. */
  readonly pass: (ms: number) => void
  /** Entries that are on disk, or would be. */
  readonly entries: () => Promise<readonly Entry[]>
  /** Makes an attempt at a tool of the shop; `says` is asked when its bytes would leave. */
  readonly attempt: (tool: string, args: JsonObject, says?: Says, changes?: Partial<Attempt>) => Attempt
}

/** The upstream's side of one call. Whoever sends asks `lastCheck` first, as every line does. */
export type Says = (options: SendOptions) => Promise<Sent> | Sent

/** An answer that is one JSON value. */
export function answerOf(said: Json, failed = false): Answer {
  const reading = { ruled: failed ? undefined : said, others: failed ? [said] : [], values: [said], failed }
  return {
    said,
    reading,
    failed,
    without: (mask) => {
      const hidden = new Set(mask.map((path) => path.map((step) => (step === 'items' ? '[*]' : step.name)).join('.')))
      const left = isJsonObject(said) ? Object.entries(said).filter(([name]) => !hidden.has(name)) : []
      return answerOf(Object.fromEntries(left), failed)
    },
  }
}

/** Lets the bytes leave where the last check has nothing against it, and answers. */
export function answering(said: Json, failed = false): Says {
  return ({ lastCheck }) => {
    const why = lastCheck()
    if (why !== undefined) return { kind: 'not-sent', why }
    return { kind: 'answered', answer: answerOf(said, failed), bytes: Buffer.from(JSON.stringify(said)) }
  }
}

export interface MemoryGatewayOptions {
  readonly authority?: Partial<Omit<Authority, 'exposure'>>
  readonly exposure?: Exposure
  readonly cell?: Partial<ServedCell>
  readonly gate?: Partial<EnvironmentContext>
  /** What a tool of the shop is declared as beside its name and effect. */
  readonly declared?: Readonly<Record<string, Partial<Contract['declared']>>>
  readonly judge?: Contract['judge']
  readonly secrets?: ReadonlyMap<string, string>
}

/** Opens one. Its last seal is as old as its clock's beginning. */
export async function memoryGateway(
  policies: PolicyBundle,
  options: MemoryGatewayOptions = {},
): Promise<MemoryGateway> {
  let nowMs = NOW_MS
  const events: string[] = []
  const logs = memoryLogs()
  const log = logs.log('test')
  const opened = await log.open({
    clock: { nowMs: () => nowMs },
    onAppended: ({ kind }) => void events.push(kind),
  })
  assert.ok(opened.ok)
  const ledger = opened.value
  ledger.sealing.sealed(0 as never, nowMs)
  const secrets = openSecrets(options.secrets ?? new Map())
  assert.ok(secrets.ok)
  const gate: EnvironmentContext = {
    environment: environmentName('test'),
    hardened: false,
    environments: new Map(),
    log,
    ledger,
    secrets: secrets.value,
    renewCredential: async () => false,
    holds: new HoldBook(),
    notice: { in: () => ({}), inText: () => ({}) },
    decoyTools: [],
    nowMs: () => nowMs,
    newActionId: () => drawActionId(nowMs),
    slices: new LoopSlices(),
    agents: [],
    recordDurably: async () => true,
    launch: () => assert.fail('nothing is delegated'),
    lower: () => assert.fail('nobody is lowered'),
    endDelegation: () => assert.fail('nothing is delegated'),
    ...options.gate,
  }
  const line = shopLine(options)
  const cell: ServedCell = {
    ...blankCell(nowMs),
    id: 'c_0000000000000000' as CellId, // by its shape
    number: 1,
    authority: { ...authority(policies, options.authority), exposure: options.exposure ?? new Exposure() },
    upstreams: new Map([[line.name, line]]),
    rung: 'normal',
    labelled: new Set<Label>(),
    ...options.cell,
  }
  return {
    gate,
    cell,
    line,
    ledger,
    faults: logs.faults,
    events,
    pass: (ms) => {
      nowMs += ms
    },
    entries: async () => {
      const entries: Entry[] = []
      for await (const read of log.read()) {
        assert.ok(read.ok)
        entries.push(read.value)
      }
      return entries
    },
    attempt: (tool, args, says = answering({ ok: true }), changes = {}) => {
      const prepare = () => {
        events.push('prepare')
        return {
          bytes: Buffer.from(JSON.stringify({ tool, args })),
          send: async (sending: SendOptions) => {
            events.push('send')
            return says(sending)
          },
        }
      }
      return {
        upstream: line,
        operation: 'tool' as Operation,
        target: tool,
        tool: toolName(tool),
        args,
        connect: (mayLeave) => {
          if (mayLeave()) events.push('connect')
          return undefined
        },
        isStreamed: false,
        prepare,
        prepareApproved: prepare,
        signal: cell.gone.signal,
        ...changes,
      }
    },
  }
}

/** The upstream `payments` of the shop, as a cell of its environment has it. */
function shopLine({ declared = {}, judge = () => undefined }: MemoryGatewayOptions): Line {
  const contracts = new Map<ToolName, Contract>()
  for (const [name, tool] of CATALOGUE.upstreams.get(upstreamName('payments'))?.tools ?? []) {
    const schema = tool.pinned?.input
    const input = schema && compileSchema(schema, 'arguments')
    contracts.set(name, {
      declared: { ...tool.declared, amount: '$.amount', currency: '$.currency', ...declared[name] },
      ...(tool.pinned && { pinned: tool.pinned }),
      input: input?.ok ? input.value : undefined,
      judge,
    })
  }
  return {
    name: upstreamName('payments'),
    environment: environmentName('test'),
    protocol: protocolName('mcp'),
    definitionProblems: new Map(),
    contracts,
    underWay: new Map(),
    contract: (name) => contracts.get(name),
    disconnected: () => undefined,
    close: () => undefined,
  }
}
