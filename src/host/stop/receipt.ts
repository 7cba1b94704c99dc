import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalText } from '../../ledger/log/canonical.ts'
import { keyId, parseNote, parseWitnessKey, signatureLine, witnessKeyText } from '../../ledger/log/note.ts'
import type { Log } from '../../ledger/store.ts'
import { StoppedCells, type StoppedTold } from '../../ledger/views/stopped-cells.ts'
import { type CellId, isJsonObject, type Json, type JsonObject, parseJson } from '../../model/index.ts'
import type { ReceiptTold, StopTold } from '../../recovery/incident/incident.ts'
import { confirmationsIn, inFlightIn } from '../../recovery/incident/receipt-told.ts'
import { writeDurably } from '../state/durable-file.ts'
import { READ_MS_MAX } from './bounds.ts'
import type { Receipt } from './containment.ts'

/** The entries of a log about cells that were stopped, as far as they were read. */
export interface Told extends StoppedTold {
  /** False where the ledger is damaged, or longer than could be read in READ_MS_MAX: then more may be in flight. */
  readonly whole: boolean
}

/** Reads the entries of a log about cells that were stopped. */
export async function toldOf(log: Log, cells: readonly CellId[]): Promise<Told> {
  const told = new StoppedCells(cells)
  const until = performance.now() + READ_MS_MAX
  let whole = true
  for await (const read of log.read()) {
    whole = read.ok && performance.now() < until
    if (!read.ok || !whole) break
    told.take(read.value)
  }
  return { ...told.value, whole }
}

/**
 * `<state>/receipts/<order>.note`: the receipt as canonical JSON, signed with the warden's own key (C2SP signed note,
 * Ed25519); `<state>/receipts/warden.pub` verifies it. Beside it `<order>.entries.jsonl`, by whose digest it is bound.
 * Evidence that cannot be signed (a cell chooses what its processes are called) is left out, and the result says so: a stop
 * has a receipt all the same. Throws what the disk says.
 */
export function writeReceipt(
  stateDirectory: string,
  receipt: Receipt,
  evidence: JsonObject,
  told: Told,
): string | undefined {
  const directory = join(stateDirectory, 'receipts')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const key = wardenKey(directory)
  const name = `${receipt.order.id}.entries.jsonl`
  const lines = told.entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
  const entries = { file: name, sha256: digest(lines), whole: told.whole }
  const { mayLand, mayLandInAll } = told
  // Safe: all are plain JSON by their types.
  const textWith = (seen: JsonObject) =>
    canonicalText({ ...receipt, evidence: seen, mayLand, mayLandInAll, entries } as unknown as Json)
  const whole = textWith(evidence)
  const lacking = whole.ok
    ? undefined
    : `what was seen of its processes and files cannot be signed: ${whole.reason.problem}`
  const text = lacking === undefined ? whole : textWith({ lacking })
  if (!text.ok) throw new Error(`a receipt ${text.reason.problem}`)
  const signed = `${text.value}\n`
  const line = signatureLine(NAME, keyId(NAME, ED25519, rawKey(key)), sign(null, Buffer.from(signed), key))
  writeDurably(join(directory, `${receipt.order.id}.note`), `${signed}\n${line}`)
  writeDurably(join(directory, name), lines)
  return lacking
}

/** More is no receipt of ours: a thousand cells with their processes are less. */
const NOTE_BYTES_MAX = 268_435_456

/**
 * The parts of an order's receipt that lie in `<state>/receipts`, for these cells: its digest, whether the warden has signed it, and
 * whether the entries beside it are those that it names. The ledger that named the order is not believed.
 */
export function readReceipt(stateDirectory: string, order: string, cells: ReadonlySet<string>): ReceiptTold {
  if (!/^o_[0-9a-f]{16}$/.test(order)) return { kind: 'missing', problem: `${order} is no order of ours` }
  const directory = join(stateDirectory, 'receipts')
  const file = `${order}.note`
  try {
    if (statSync(join(directory, file)).size > NOTE_BYTES_MAX)
      return { kind: 'missing', problem: `${file} is too large` }
    const note = readFileSync(join(directory, file), 'utf8')
    const text = note.slice(0, note.lastIndexOf('\n\n') + 1)
    const receipt = parseJson(text) as Json
    const { entries, evidence } = isJsonObject(receipt) ? receipt : {}
    const name = `${order}.entries.jsonl`
    const beside = existsSync(join(directory, name)) ? digest(readFileSync(join(directory, name))) : undefined
    const told = isJsonObject(evidence) ? Object.entries(evidence).filter(([cell]) => cells.has(cell)) : []
    const seen = told.flatMap(([, each]) => (isJsonObject(each) ? [each] : []))
    return {
      kind: 'read',
      file,
      sha256: digest(note),
      signed: isSigned(directory, text, note),
      ...(beside !== undefined && {
        entriesFile: name,
        entriesSha256: beside,
        entriesMatch: isJsonObject(entries) && entries.sha256 === beside,
      }),
      processes: seen.reduce((sum, each) => sum + processesIn(each), 0),
      files: seen.reduce((sum, { files }) => sum + changedIn(files), 0),
    }
  } catch (error) {
    return { kind: 'missing', problem: `${file}: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/** Receipts of a state that are looked through, the newest. */
const RECEIPTS_MAX = 1_000

/**
 * Stops of these cells that the ledger does not tell of, because there was no gateway left to write: only receipts that
 * the warden has signed, whose orders are not `known`.
 */
export function unrecordedStops(
  stateDirectory: string,
  cells: ReadonlySet<string>,
  known: ReadonlySet<string>,
): readonly StopTold[] {
  const directory = join(stateDirectory, 'receipts')
  if (!existsSync(directory)) return []
  const orders = readdirSync(directory).flatMap((name) => {
    const [, order] = /^(o_[0-9a-f]{16})\.note$/.exec(name) ?? []
    if (order === undefined || known.has(order)) return []
    return [{ order, atMs: statSync(join(directory, name)).mtimeMs }]
  })
  const newest = orders.toSorted((a, b) => b.atMs - a.atMs).slice(0, RECEIPTS_MAX)
  return newest.flatMap(({ order: id }) => {
    const receipt = readReceipt(stateDirectory, id, cells)
    if (receipt.kind !== 'read' || !receipt.signed) return []
    const told = signedIn(join(directory, receipt.file))
    const { order, contained, confirmations, mayLand, mayLandInAll, atMs } = told
    const about = Array.isArray(told.cells) ? (told.cells as readonly Json[]) : []
    if (!isJsonObject(order) || !about.some((cell) => typeof cell === 'string' && cells.has(cell))) return []
    return {
      order: id,
      atMs: typeof atMs === 'number' ? atMs : 0,
      rung: String(order.rung),
      contained: contained === true,
      by: String(order.by),
      why: String(order.why),
      // An order to all has confirmations of cells that are not meant here.
      confirmations: confirmationsIn(confirmations).filter(({ point }) => {
        const [, cell] = / of (c_[0-9a-z]+)$/.exec(point) ?? []
        return cell === undefined || cells.has(cell)
      }),
      recorded: false,
      inFlight: inFlightIn(mayLand),
      mayLand: typeof mayLandInAll === 'number' ? mayLandInAll : 0,
      receipt,
    }
  })
}

function signedIn(path: string): JsonObject {
  const note = readFileSync(path, 'utf8')
  const receipt = parseJson(note.slice(0, note.lastIndexOf('\n\n') + 1)) as Json
  return isJsonObject(receipt) ? receipt : {}
}

function processesIn({ processes, processesInAll }: JsonObject): number {
  if (typeof processesInAll === 'number') return processesInAll
  return Array.isArray(processes) ? processes.length : 0
}

function changedIn(files: Json | undefined): number {
  if (!isJsonObject(files)) return 0
  const counts = [files.added, files.changed, files.removed]
  return counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0)
}

function isSigned(directory: string, text: string, note: string): boolean {
  const key = parseWitnessKey(readFileSync(join(directory, 'warden.pub'), 'utf8').trim())
  // A note of the size of a seal around the signature alone: a receipt is larger.
  const signed = parseNote(`x\n${note.slice(note.lastIndexOf('\n\n') + 1)}`)
  if (!key.ok || !signed.ok) return false
  const mine = signed.value.signatures.filter(({ name }) => name === NAME)
  return mine.some(({ bytes }) => verify(null, Buffer.from(text), key.value.publicKey, bytes))
}

function digest(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const NAME = 'firebreak-warden'
const ED25519 = 0x01

function wardenKey(directory: string) {
  const path = join(directory, 'warden.key')
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ed25519')
    writeDurably(join(directory, 'warden.pub'), `${witnessKeyText(NAME, createPublicKey(privateKey))}\n`)
    writeDurably(path, `${privateKey.export({ type: 'pkcs8', format: 'pem' })}`)
  }
  return createPrivateKey(readFileSync(path, 'utf8'))
}

function rawKey(key: Parameters<typeof createPublicKey>[0]): Buffer {
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  return Buffer.from(x ?? '', 'base64url')
}
