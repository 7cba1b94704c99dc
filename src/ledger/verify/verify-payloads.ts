import { closeSync, constants, type Dirent, openSync, readSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CellId, cellId, type Sha256 } from '../../model/ids.ts'
import { openPayloadWith, payloadCell, payloadDigest, payloadKeyName } from '../log/payloads.ts'

/**
 * A check of a log's payload records against their own commitments. Decrypting is the only way to see that one was
 * written over, since no leaf of the tree covers its bytes.
 *
 * - VP1  A payload whose key is there is what was committed to, or it is named.
 * - VP2  A key that is gone without the mark of an erasure is named. What could not be judged is counted.
 */
export class PayloadCheck {
  readonly #directory: string
  readonly #keys: ReadonlySet<string>
  readonly #read = new Map<string, Uint8Array>()
  readonly #erased: ReadonlySet<string>
  /** The log lies here without its keys, as it may when it is given to somebody else. */
  readonly #withoutKeys: boolean
  checked = 0
  unchecked = 0
  readonly altered: { readonly digest: Sha256; readonly seq: number }[] = []
  /** Keys that are gone, with the number of payloads under each. */
  readonly keysGone = new Map<string, { readonly seq: number; payloads: number }>()

  static async open(directory: string, withoutKeys: boolean): Promise<PayloadCheck> {
    const names = await keyNames(directory)
    return new PayloadCheck(directory, names, withoutKeys)
  }

  private constructor(directory: string, names: readonly string[], withoutKeys: boolean) {
    this.#directory = directory
    this.#withoutKeys = withoutKeys
    this.#keys = new Set(names.filter((name) => name.endsWith('.key')))
    this.#erased = new Set(names.filter((name) => name.endsWith('.erased')).map((name) => name.slice(0, -7)))
  }

  get erasedCells(): number {
    return this.#erased.size
  }

  see(body: Uint8Array, seq: number): void {
    const cell = cellOf(payloadCell(body))
    const key = cell && payloadKeyName(cell, body)
    if (cell === undefined || key === undefined) {
      this.#found(body, seq)
    } else if (this.#keys.has(key)) {
      this.checked++
      if (openPayloadWith(this.#keyOf(key), cell, body) === undefined) this.#found(body, seq)
    } else {
      this.unchecked++
      if (this.#erased.has(cell) || this.#withoutKeys) return
      const gone = this.keysGone.get(key) ?? { seq, payloads: 0 }
      gone.payloads++
      this.keysGone.set(key, gone)
    }
  }

  #keyOf(name: string): Uint8Array {
    const known = this.#read.get(name)
    if (known !== undefined) return known
    const key = keyIn(join(this.#directory, 'keys', name))
    this.#read.set(name, key)
    return key
  }

  #found(body: Uint8Array, seq: number): void {
    if (this.altered.length < FOUND_MAX) this.altered.push({ digest: payloadDigest(body), seq })
  }
}

/** Findings of one kind that are listed. */
const FOUND_MAX = 100

function cellOf(text: string): CellId | undefined {
  try {
    return cellId(text)
  } catch {
    return undefined
  }
}

/** Reads a key; empty where it cannot be read: such a key opens nothing, and is reported like one that was changed. */
function keyIn(path: string): Uint8Array {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const bytes = Buffer.alloc(33)
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return Buffer.alloc(0)
  }
}

async function keyNames(directory: string): Promise<readonly string[]> {
  const read: readonly Dirent[] = await readdir(join(directory, 'keys'), { withFileTypes: true }).catch(() => [])
  return read.filter((entry) => entry.isFile()).map(({ name }) => name)
}
