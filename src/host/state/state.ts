import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { type EnvironmentName, parseJson } from '../../model/index.ts'
import { nameBytes } from '../../model/text/file-name.ts'
import { keepRoom } from '../stop/fence.ts'
import { hasBegun, type Stores, storesOf } from './stores.ts'

/**
 * A place where one configuration keeps what must last: `ledger/<environment>`, `witness`, `workspaces/<agent>`, `log`. Each
 * service owns its own directory and can write nowhere else.
 */
export interface State extends Stores {
  readonly directory: string
  /** Makes the directory that a gateway is started in, and writes its log to. */
  readonly ledger: (environment: EnvironmentName) => string
  readonly ledgers: string
  readonly witness: string
  readonly workspace: (name: string) => string
  readonly log: (name: string) => string
  /** The uid that a service of this state runs as; undefined where everything runs as the calling user. */
  readonly uidOf: (service: string) => number | undefined
}

/**
 * Uids of services: a range that no distribution assigns (systemd's table, "UIDs and GIDs": 1879048192 up is unused).
 * Drawn once for each state, so that two states on one host do not share a gateway's uid.
 */
const SERVICE_UIDS = { from: 1_900_000_000, count: 50_000_000 } as const

/** Directories that every state has. */
export const STATE_PARTS = ['ledger', 'witness', 'workspaces', 'log'] as const

/** Tells whether a directory is a state, whatever it is called. */
export function isState(directory: string): boolean {
  return STATE_PARTS.every((part) => isThere(join(directory, part)))
}

function isThere(path: string): boolean {
  try {
    return lstatSync(nameBytes(path), { throwIfNoEntry: false }) !== undefined
  } catch {
    return false
  }
}

/** @param others states whose uids this one does not draw. */
export function openState(
  directory: string,
  root: boolean,
  random: () => number,
  others: readonly string[] = [],
): State {
  const isNew = !hasBegun(directory)
  const stores = storesOf(directory)
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  if (isNew) stores.fences.make()
  // The last stop may have given it up.
  else keepRoom(directory)
  for (const part of STATE_PARTS) mkdirSync(join(directory, part), { recursive: true, mode: 0o711 })
  const uids = root ? readUids(directory) : undefined
  const uidOf = (service: string): number | undefined => {
    if (uids === undefined) return undefined
    const known = uids.get(service)
    if (known !== undefined) return known
    const taken = new Set([uids, ...others.map(readUids)].flatMap((each) => [...each.values()]))
    let drawn: number
    do drawn = SERVICE_UIDS.from + Math.floor(random() * SERVICE_UIDS.count)
    while (taken.has(drawn))
    uids.set(service, drawn)
    writeFileSync(join(directory, 'uids.json'), `${JSON.stringify(Object.fromEntries(uids))}\n`, { mode: 0o600 })
    return drawn
  }
  const owned = (path: string, service: string): string => {
    mkdirSync(path, { recursive: true, mode: 0o755 })
    const uid = uidOf(service)
    if (uid !== undefined) own(path, uid)
    return path
  }
  return {
    directory,
    ...stores,
    ledgers: join(directory, 'ledger'),
    ledger: (environment) => owned(join(directory, 'ledger', environment), `gateway-${environment}`),
    get witness() {
      return owned(join(directory, 'witness'), 'witness')
    },
    workspace: (name) => join(directory, 'workspaces', name),
    log: (name) => join(directory, 'log', `${name}.log`),
    uidOf,
  }
}

function readUids(directory: string): Map<string, number> {
  const file = join(directory, 'uids.json')
  if (!existsSync(file)) return new Map()
  const uids: unknown = parseJson(readFileSync(file, 'utf8'))
  if (typeof uids !== 'object' || uids === null) throw new Error(`${file}: an object is expected`)
  return new Map(Object.entries(uids).filter((entry): entry is [string, number] => isServiceUid(entry[1])))
}

function isServiceUid(uid: unknown): uid is number {
  return typeof uid === 'number' && uid >= SERVICE_UIDS.from && uid < SERVICE_UIDS.from + SERVICE_UIDS.count
}

/** A state that was copied or made by another user is handed over once; links in it are never followed. */
function own(path: string, uid: number): void {
  if (lstatSync(path).uid === uid) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name)
    if (entry.isDirectory()) own(inner, uid)
    else lchownSync(inner, uid, uid)
  }
  chownSync(path, uid, uid)
  chmodSync(path, 0o755)
  if (process.getuid?.() !== 0) throw new Error(`${path} belongs to another user`)
}
