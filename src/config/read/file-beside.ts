import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { readPlain } from '../../model/host/plain-file.ts'
import { type Sha256, sha256 } from '../../model/index.ts'

/**
 * A file that an entry of a configuration names, as it was read with it: what differs in the file differs in the entry.
 * One that cannot be read is a problem for whoever goes by the configuration, and for nobody who orders a stop.
 */
export class FileBeside {
  /** Absolute. */
  readonly path: string
  /** Rules decide what a cell may do, which it is not shown; certificates may be shown to it. */
  readonly kind: 'rules' | 'certificates'
  /** Digest of its bytes. */
  readonly digest: Sha256
  /** The reason why it cannot be read. */
  readonly problem: string | undefined
  readonly #text: string

  constructor(path: string, kind: FileBeside['kind'], bytes: Uint8Array, problem?: string) {
    this.path = path
    this.kind = kind
    this.digest = sha256(createHash('sha256').update(bytes).digest('hex'))
    this.problem = problem
    this.#text = new TextDecoder().decode(bytes)
  }

  /** No member of its own: comparisons go by the digest. */
  get text(): string {
    return this.#text
  }
}

/** Bytes of all such files of one configuration together; a long list of denied packages has some 15 MB. */
const BYTES_MAX = 67_108_864

/** The files that one configuration names, each read once. */
export class FilesBeside {
  readonly #directory: string
  readonly #known = new Map<string, FileBeside>()
  #left = BYTES_MAX

  /** @param directory where relative paths begin. */
  constructor(directory: string) {
    this.#directory = directory
  }

  read(written: string, kind: FileBeside['kind']): FileBeside {
    const path = resolve(this.#directory, written)
    const key = `${kind} ${path}`
    const file = this.#known.get(key) ?? this.#read(path, kind)
    this.#known.set(key, file)
    return file
  }

  #read(path: string, kind: FileBeside['kind']): FileBeside {
    const unread = (problem: string) => new FileBeside(path, kind, new Uint8Array(), problem)
    const read = readPlain(path, this.#left)
    if (!read.ok) return unread(read.reason.problem)
    if (!read.value.whole) return unread(`with it, files beside the configuration have more than ${BYTES_MAX} bytes`)
    this.#left -= read.value.bytes.length
    return new FileBeside(path, kind, read.value.bytes)
  }
}

/** Returns every file that an entry names, in whatever member. */
export function filesBesideIn(entry: unknown): readonly FileBeside[] {
  if (entry instanceof FileBeside) return [entry]
  if (typeof entry !== 'object' || entry === null) return []
  return (entry instanceof Map ? [...entry.values()] : Object.values(entry)).flatMap(filesBesideIn)
}
