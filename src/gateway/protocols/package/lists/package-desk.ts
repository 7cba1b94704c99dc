import { Worker } from 'node:worker_threads'
import { programPath } from '../../../../model/host/program-file.ts'
import { LIMITS, no, type Result } from '../../../../model/index.ts'
import type { MarkedList } from './marked-list.ts'
import { type ListJob, markList } from './package-work.ts'

/** A list of a package: `next`, the longest that is known, has 21 MB. */
export const LIST_BYTES_MAX = 33_554_432
/** Lists of one cell that are read or wait for that: package managers ask for some fifteen at a time. */
export const LISTS_WAITING_MAX = 32
/** Bytes of these. */
export const LISTS_WAITING_BYTES_MAX = 100_663_296
/** Time for one list: 21 MB take half a second, and the machine may be busy. */
export const LIST_MS_MAX = 20_000
/** Threads of one gateway; a cell has one of them at a time. */
const THREADS_MAX = 2
/** Memory of one thread for what it makes of a text: text of 32 MiB, read where it stands, and as it is shown. */
const THREAD_MEMORY_MIB_MAX = 256

export interface PackageDeskOptions {
  /** File of the thread's program. */
  readonly program?: string
  readonly listMsMax?: number
}

/**
 * Reads and marks lists of packages for the cells of a gateway.
 *
 * - PD1  One list of a cell is read at a time, and cells take turns, so that none waits for all of another's.
 * - PD2  A list that takes too long, or too much memory, ends its thread and nothing else; the next one gets a new thread.
 * - PD3  Past the bounds of a cell a list is refused at once, and nothing of it is kept.
 */
export class PackageDesk {
  readonly #options: Required<PackageDeskOptions>
  /** Cells in their turn, each with what waits. */
  readonly #waiting = new Map<string, Waiting[]>()
  readonly #held = new Map<string, { lists: number; bytes: number }>()
  readonly #working = new Set<string>()
  readonly #idle: Worker[] = []
  readonly #threads = new Set<Worker>()
  #under = 0
  #closed = false

  constructor({ program, listMsMax = LIST_MS_MAX }: PackageDeskOptions = {}) {
    this.#options = {
      program: program ?? programPath('gateway/protocols/package/lists/package-worker-main'),
      listMsMax,
    }
  }

  /** Marks a list for a cell. Its bytes are the desk's from here on. Never rejects; the error is in words for a person. */
  mark(cell: string, job: ListJob): Promise<Result<MarkedList, string>> {
    const { length } = job.bytes
    if (this.#closed) return Promise.resolve(no('this cell is gone'))
    if (length > LIST_BYTES_MAX) return Promise.resolve(no(`it has more than ${LIST_BYTES_MAX} bytes`))
    if (length <= LIMITS.smallPieceBytesMax) return Promise.resolve(markList(job))
    const held = this.#held.get(cell) ?? { lists: 0, bytes: 0 }
    if (held.lists >= LISTS_WAITING_MAX || held.bytes + length > LISTS_WAITING_BYTES_MAX)
      return Promise.resolve(no('too many lists of packages are asked for at once'))
    this.#held.set(cell, { lists: held.lists + 1, bytes: held.bytes + length })
    return new Promise((resolve) => {
      const waits = { job, resolve, bytes: length }
      const others = this.#waiting.get(cell)
      if (others === undefined) this.#waiting.set(cell, [waits])
      else others.push(waits)
      this.#next()
    })
  }

  /** Forgets what waits of a cell that is gone; a list that is being read is read to its end. */
  leave(cell: string): void {
    for (const waits of this.#waiting.get(cell) ?? []) this.#done(cell, waits, no('this cell is gone'))
    this.#waiting.delete(cell)
  }

  /** Ends every thread, now. */
  close(): void {
    this.#closed = true
    for (const cell of [...this.#waiting.keys()]) this.leave(cell)
    for (const thread of this.#threads) void thread.terminate()
  }

  #next(): void {
    for (const [cell, [first, ...others]] of this.#waiting) {
      if (this.#under >= THREADS_MAX || this.#closed) return
      if (this.#working.has(cell) || first === undefined) continue
      // At the end of the row, behind every other cell that waits.
      this.#waiting.delete(cell)
      if (others.length > 0) this.#waiting.set(cell, others)
      this.#working.add(cell)
      this.#under++
      this.#read(first.job).then((marked) => {
        this.#under--
        this.#working.delete(cell)
        this.#done(cell, first, marked)
        this.#next()
      })
    }
  }

  #done(cell: string, { resolve, bytes }: Waiting, marked: Result<MarkedList, string>): void {
    const { lists, bytes: all } = this.#held.get(cell) ?? { lists: 1, bytes }
    if (lists <= 1) this.#held.delete(cell)
    else this.#held.set(cell, { lists: lists - 1, bytes: all - bytes })
    resolve(marked)
  }

  /** Has a thread read one list. Resolves when the thread is free again, or ended. */
  async #read(job: ListJob): Promise<Result<MarkedList, string>> {
    const thread = this.#idle.pop() ?? this.#start()
    if (thread === undefined) return no('there is no thread to read it in')
    const { promise, resolve } = Promise.withResolvers<Result<MarkedList, string> | undefined>()
    const fails = () => resolve(undefined)
    const timer = setTimeout(fails, this.#options.listMsMax)
    thread.once('message', resolve).once('exit', fails)
    thread.ref()
    try {
      const { bytes } = job
      // A piece of a larger buffer is copied: that one has other pieces.
      const own = bytes.buffer instanceof ArrayBuffer && bytes.length === bytes.buffer.byteLength
      const sent = own ? bytes : new Uint8Array(bytes)
      thread.postMessage({ ...job, bytes: sent }, [sent.buffer as ArrayBuffer])
    } catch {
      fails()
    }
    const marked = await promise
    clearTimeout(timer)
    thread.off('message', resolve).off('exit', fails)
    thread.unref()
    if (marked !== undefined) {
      this.#idle.push(thread)
      return marked
    }
    this.#threads.delete(thread)
    await thread.terminate().catch(() => undefined)
    return no('reading it took too long, or more memory than there is for it')
  }

  #start(): Worker | undefined {
    try {
      const thread = new Worker(this.#options.program, {
        resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY_MIB_MAX, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
        env: {},
        execArgv: [],
      })
      this.#threads.add(thread)
      // Its end tells; without a listener an error of it would end the gateway.
      thread.on('error', () => undefined)
      // An idle thread that ends is not taken again.
      thread.once('exit', () => {
        this.#threads.delete(thread)
        const at = this.#idle.indexOf(thread)
        if (at >= 0) this.#idle.splice(at, 1)
      })
      return thread
    } catch {
      return undefined
    }
  }
}

interface Waiting {
  readonly job: ListJob
  readonly bytes: number
  readonly resolve: (marked: Result<MarkedList, string>) => void
}
