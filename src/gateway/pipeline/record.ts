import type { Ledger } from '../../ledger/log/ledger.ts'
import {
  type CellId,
  isJsonObject,
  type Json,
  type Label,
  LIMITS,
  type Reason,
  shortDigest,
  WrittenNumber,
} from '../../model/index.ts'
import type { Authority, Exposure } from '../../policy/index.ts'
import { cutMarked, cutShown } from '../content/cut-shown.ts'

/** Longer text than this is content, not an argument that explains an action; it stands in the payload. */
const TEXT_MAX = 256
const VALUES_MAX = 200

/**
 * Arguments as they stand in the ledger for everyone who may read it: long text and long names shortened to their length
 * and digest, and no more values and bytes than a person reads. The whole of them is in the encrypted payload. What comes
 * out has a canonical form, whatever a cell sent.
 */
export function redacted(args: Json, bytesMax: number = LIMITS.recordedArgumentBytesMax): Json {
  return shorten(args, { values: VALUES_MAX, bytes: bytesMax })
}

/** Tells whether `redacted` has shortened something of these arguments for an entry, by what it puts there. */
export function isShortened(json: Json): boolean {
  if (typeof json === 'string') return json === '…' || /… \(\d+ characters, sha256 [0-9a-f]{16}…\)$/.test(json)
  if (Array.isArray(json)) return json.length >= 200 || json.some(isShortened)
  if (!isJsonObject(json)) return false
  const names = Object.keys(json)
  return names.length >= 200 || names.some(isShortened) || Object.values(json).some(isShortened)
}

interface Room {
  values: number
  bytes: number
}

const LEFT_OUT = '…'

function shorten(value: Json, room: Room): Json {
  room.values--
  if (typeof value === 'string') return taken(shortText(value), room)
  if (Array.isArray(value)) {
    const items: Json[] = []
    room.bytes -= 2
    for (const item of value as readonly Json[]) {
      if (isFull(room)) return [...items, LEFT_OUT]
      items.push(shorten(item, room))
    }
    return items
  }
  // Whoever reads the ledger reads doubles: the digits stand there as text.
  if (value instanceof WrittenNumber) return taken(shortText(value.text), room)
  if (!isJsonObject(value)) return taken(value, room)
  const members: [string, Json][] = []
  room.bytes -= 2
  for (const [key, item] of Object.entries(value)) {
    const name = shortText(key)
    room.bytes -= jsonBytes(name)
    if (isFull(room)) return Object.fromEntries([...members, [LEFT_OUT, LEFT_OUT]])
    members.push([name, shorten(item, room)])
  }
  return Object.fromEntries(members)
}

function isFull(room: Room): boolean {
  return room.values <= 0 || room.bytes <= 0
}

function taken(value: Json, room: Room): Json {
  room.bytes -= jsonBytes(value)
  return room.bytes < 0 ? LEFT_OUT : value
}

function jsonBytes(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1
}

function shortText(text: string): string {
  if (text.length <= TEXT_MAX) return text.toWellFormed()
  const digest = shortDigest(text)
  return `${cutShown(text, 64)}… (${text.length} characters, sha256 ${digest}…)`
}

/** A cell, with the labels of what it has seen and those that the ledger knows of. */
export interface LabelledCell {
  readonly id: CellId
  readonly authority: Pick<Authority, 'agent'> & { readonly exposure: Pick<Exposure, 'labels'> }
  readonly labelled: Set<Label>
  /** Present while some labels are not on disk yet; resolves with false where they will never be. */
  labelling?: Promise<boolean> | undefined
}

/**
 * Records what a cell has newly seen, an entry for each label. The cell is shown nothing before they are on disk:
 * undefined where they are, false where they will never be.
 */
export function recordLabels(
  ledger: Pick<Ledger, 'append' | 'durable'>,
  cell: LabelledCell,
): Promise<boolean> | undefined {
  const { labels } = cell.authority.exposure
  if (labels.size === cell.labelled.size) return cell.labelling
  let last: number | undefined
  for (const [label, seen] of labels) {
    if (cell.labelled.has(label)) continue
    const [from = null] = plain([seen]) as readonly Json[]
    const appended = ledger.append({ kind: 'label.seen', cell: cell.id, agent: cell.authority.agent, label, from })
    if (!appended.ok) return Promise.resolve(false)
    cell.labelled.add(label)
    last = appended.value.seq
  }
  if (last === undefined) return cell.labelling
  const onDisk = ledger.durable(last).then(({ ok }) => ok)
  cell.labelling = onDisk
  void onDisk.then((is) => {
    if (is && cell.labelling === onDisk) cell.labelling = undefined
  })
  return onDisk
}

/**
 * Reasons as plain JSON: money is text, and nothing is lost that `why` shows but what there is no room for, which is said.
 * A thousand policies can each have one, and some repeat what a cell wrote.
 */
export function reasonsJson(reasons: readonly Reason[], bytesMax: number = LIMITS.recordedReasonBytesMax): Json {
  let left = bytesMax
  const written: Json[] = []
  for (const reason of reasons) {
    const json = plain(reason)
    left -= jsonBytes(json)
    if (left < 0 && written.length > 0) {
      const problem = `and ${reasons.length - written.length} more reasons, for which there is no room`
      return [...written, { kind: 'unavailable', what: 'ledger', problem }]
    }
    written.push(json)
  }
  return written
}

/** Longer text of a reason is cut: what a policy says is shorter, and a destination too. */
const REASON_TEXT_MAX = 2_048

function plain(value: unknown): Json {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => [key, plain(item)]),
    )
  }
  if (typeof value === 'string') return cutMarked(value, REASON_TEXT_MAX)
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : String(value)
  throw new TypeError(`a reason holds ${typeof value}`)
}

/** The other way: what `reasonsJson` wrote, as reasons again. From the ledger, whose entries only the gateway writes. */
export function reasonsFrom(json: Json): readonly Reason[] {
  const whole = (value: Json, key = ''): unknown => {
    if (key === 'maxUnits' && typeof value === 'string') return BigInt(value)
    if (Array.isArray(value)) return value.map((item) => whole(item))
    if (!isJsonObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, whole(item, name)]))
  }
  return Array.isArray(json) ? (json.map((item) => whole(item)) as Reason[]) : []
}
