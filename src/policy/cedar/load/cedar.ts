import { Worker } from 'node:worker_threads'
import type { CedarCall, CedarOutcome } from './cedar-worker.ts'

/**
 * Cedar's library in a thread of its own, with a limit on its time. An instance that threw, or took too long, is never
 * asked again: the next call gets a fresh one. A thread that is idle does not keep its process alive. Calls that are
 * made at the same time wait for each other.
 */
export class Cedar implements AsyncDisposable {
  #worker: Worker | undefined
  /** Ends with the call that was made last. */
  #last: Promise<unknown> = Promise.resolve()
  readonly #timeoutMs: number

  constructor(options: { readonly timeoutMs: number }) {
    this.#timeoutMs = options.timeoutMs
  }

  /** Calls Cedar, with one outcome for each call, in order. The calls after one that died run in a fresh instance. */
  async call(calls: readonly CedarCall[]): Promise<readonly CedarOutcome[]> {
    const answer = this.#last.then(() => this.#ask(calls))
    this.#last = answer
    return answer
  }

  async #ask(calls: readonly CedarCall[]): Promise<readonly CedarOutcome[]> {
    const all: CedarOutcome[] = []
    while (all.length < calls.length) {
      const outcomes = await this.#run(calls.slice(all.length))
      all.push(...outcomes)
      const last = outcomes.at(-1)
      if (last === undefined || 'died' in last) await this.restart()
    }
    return all
  }

  async restart(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.restart()
  }

  async #run(calls: readonly CedarCall[]): Promise<readonly CedarOutcome[]> {
    const worker = this.#worker ?? startWorker()
    if (!(worker instanceof Worker)) return [{ died: `no thread: ${worker.problem}` }]
    this.#worker = worker
    worker.unref()
    const { promise, resolve } = Promise.withResolvers<readonly CedarOutcome[]>()
    const died = (why: unknown) => resolve([{ died: String(why) }])
    // Where this thread stood still meanwhile, an answer that has come is heard before the time counts as over.
    const late = () => void setImmediate(died, `no answer after ${this.#timeoutMs} ms`)
    const timer = setTimeout(late, this.#timeoutMs)
    worker.once('message', resolve).once('error', died).once('exit', died)
    worker.postMessage({ calls })
    const outcomes = await promise
    clearTimeout(timer)
    worker.off('message', resolve).off('error', died).off('exit', died)
    return outcomes
  }
}

/** A host that is out of threads or memory is told like anything else that keeps a policy from being read. */
function startWorker(): Worker | { readonly problem: string } {
  try {
    return new Worker(workerFile(), { resourceLimits: { maxOldGenerationSizeMb: 512 }, env: {}, execArgv: [] })
  } catch (error) {
    return { problem: String(error) }
  }
}

/** The file beside this one: a package that is published runs as JavaScript. */
function workerFile(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './cedar-worker.ts' : './cedar-worker.js', import.meta.url)
}
