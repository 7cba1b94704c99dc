import { Worker } from 'node:worker_threads'
import { LIMITS, no, type Result } from '../../model/index.ts'

/** Threads of one desk; a cell has one of them at a time. */
const THREADS_MAX = 2
/** Memory of one thread for what it makes of a text of 32 MiB. */
const THREAD_MEMORY_MIB_MAX = 256
/** Milliseconds for which a thread stays that has nothing to read: an agent asks again within a minute. */
const THREAD_IDLE_MS = 60_000

/** Something long that is read in a thread: its bytes, and whatever else is needed. It is sent to the thread as it is. */
export interface ReadingJob {
  readonly bytes: Uint8Array
}

export interface ReadingDeskOptions<Job extends ReadingJob, Read> {
  /** File of the thread's program: it answers each job with what `read` returns of it. */
  readonly program: string
  /** Reads what is short enough to be read here. Never throws; the error is in words for a person. */
  readonly read: (job: Job) => Result<Read, string>
  /** Milliseconds that one may take. */
  readonly msMax: number
  readonly bytesMax: number
  /** Jobs of one cell that are read or wait for that, and their bytes. */
  readonly waitingMax: number
  readonly waitingBytesMax: number
  /** Milliseconds for which a thread stays that has nothing to read; absent: a minute. */
  readonly idleMs?: number
  /** Words for what is read: `lists of packages`. */
  readonly what: string
}

/**
 * Reads what is long in threads, for all cells of a gateway and all of their lines, so that nobody else waits for it.
 *
 * - DK1  One job of a cell is read at a time, and cells take turns, so that none waits for all of another's.
 * - DK2  A job that takes too long, or too much memory, ends its thread and nothing else; the next one gets a new thread.
 * - DK3  Past the bounds of a cell a job is refused at once, and nothing of it is kept.
 * - DK4  A thread that has nothing to read for a while ends, and its memory with it.
 */
export class ReadingDesk<Job extends ReadingJob, Read> {
  readonly #options: ReadingDeskOptions<Job, Read>
  /** Cells in their turn, each with what waits. */
  readonly #waiting = new Map<string, Waiting<Job, Read>[]>()
  readonly #held = new Map<string, { jobs: number; bytes: number }>()
  readonly #working = new Set<string>()
  /** Threads that have nothing to read, each with what ends it. */
  readonly #idle = new Map<Worker, NodeJS.Timeout>()
  readonly #threads = new Set<Worker>()
  #under = 0
  #closed = false

  constructor(options: ReadingDeskOptions<Job, Read>) {
    this.#options = options
  }

  /** Threads that it has, with those that have nothing to read. */
  get threads(): number {
    return this.#threads.size
  }

  /** Reads a job of a cell. Its bytes are the desk's from here on. Never rejects; the error is in words for a person. */
  read(cell: string, job: Job): Promise<Result<Read, string>> {
    const { length } = job.bytes
    const { bytesMax, waitingMax, waitingBytesMax, what, read } = this.#options
    if (this.#closed) return Promise.resolve(no('this cell is gone'))
    if (length > bytesMax) return Promise.resolve(no(`it has more than ${bytesMax} bytes`))
    if (length <= LIMITS.smallPieceBytesMax) return Promise.resolve(read(job))
    const held = this.#held.get(cell) ?? { jobs: 0, bytes: 0 }
    if (held.jobs >= waitingMax || held.bytes + length > waitingBytesMax)
      return Promise.resolve(no(`too many ${what} are asked for at once`))
    this.#held.set(cell, { jobs: held.jobs + 1, bytes: held.bytes + length })
    return new Promise((resolve) => {
      const waits = { job, resolve, bytes: length }
      const others = this.#waiting.get(cell)
      if (others === undefined) this.#waiting.set(cell, [waits])
      else others.push(waits)
      this.#next()
    })
  }

  /** Forgets what waits of a cell that is gone; a job that is being read is read to its end. */
  leave(cell: string): void {
    for (const waits of this.#waiting.get(cell) ?? []) this.#done(cell, waits, no('this cell is gone'))
    this.#waiting.delete(cell)
  }

  /** Ends every thread, now. */
  close(): void {
    this.#closed = true
    for (const cell of [...this.#waiting.keys()]) this.leave(cell)
    for (const timer of this.#idle.values()) clearTimeout(timer)
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
      this.#read(first.job).then((read) => {
        this.#under--
        this.#working.delete(cell)
        this.#done(cell, first, read)
        this.#next()
      })
    }
  }

  #done(cell: string, { resolve, bytes }: Waiting<Job, Read>, read: Result<Read, string>): void {
    const { jobs, bytes: all } = this.#held.get(cell) ?? { jobs: 1, bytes }
    if (jobs <= 1) this.#held.delete(cell)
    else this.#held.set(cell, { jobs: jobs - 1, bytes: all - bytes })
    resolve(read)
  }

  /** Has a thread read one job. Resolves when the thread is free again, or ended. */
  async #read(job: Job): Promise<Result<Read, string>> {
    const thread = this.#takeIdle() ?? this.#start()
    if (thread === undefined) return no('there is no thread to read it in')
    const { promise, resolve } = Promise.withResolvers<Result<Read, string> | undefined>()
    const fails = () => resolve(undefined)
    const timer = setTimeout(fails, this.#options.msMax)
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
      this.#keepIdle(thread)
      return marked
    }
    this.#threads.delete(thread)
    await thread.terminate().catch(() => undefined)
    return no('reading it took too long, or more memory than there is for it')
  }

  #takeIdle(): Worker | undefined {
    const [first] = this.#idle
    if (first === undefined) return undefined
    const [thread, timer] = first
    clearTimeout(timer)
    this.#idle.delete(thread)
    return thread
  }

  #keepIdle(thread: Worker): void {
    // One that has ended meanwhile is not taken again.
    if (!this.#threads.has(thread)) return
    const end = () => {
      this.#idle.delete(thread)
      void thread.terminate().catch(() => undefined)
    }
    this.#idle.set(thread, setTimeout(end, this.#options.idleMs ?? THREAD_IDLE_MS).unref())
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
        clearTimeout(this.#idle.get(thread))
        this.#idle.delete(thread)
      })
      return thread
    } catch {
      return undefined
    }
  }
}

interface Waiting<Job, Read> {
  readonly job: Job
  readonly bytes: number
  readonly resolve: (read: Result<Read, string>) => void
}
