import { type FSWatcher, watch } from 'node:fs'

/**
 * Tells of changes in directories: the kernel says of each write that there was one (inotify(7)), so that nobody looks
 * again and again. Changes that come close together are told once.
 */
export class Changes {
  readonly #watched = new Map<string, FSWatcher>()
  readonly #signal: AbortSignal
  #changed: () => void = () => undefined
  #told = Promise.resolve()

  constructor(signal: AbortSignal) {
    this.#signal = signal
    this.#arm()
    signal.addEventListener('abort', () => this.#end(), { once: true })
  }

  /** Watches a directory from now on. One that cannot be watched is looked at all the same: `LOOK_ANYWAY_MS`. */
  add(directory: string): void {
    if (this.#watched.has(directory) || this.#signal.aborted) return
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#changed())
      watcher.on('error', () => this.#forget(directory))
      this.#watched.set(directory, watcher)
    } catch {
      // It is not there yet, or the kernel has no watch left.
    }
  }

  /** Resolves after the next change since the last call, or after a while without one; at once where it is over. */
  async next(): Promise<void> {
    if (this.#signal.aborted) return
    let timer: NodeJS.Timeout | undefined
    const anyway = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LOOK_ANYWAY_MS)
    })
    await Promise.race([this.#told, anyway])
    clearTimeout(timer)
    if (this.#signal.aborted) return
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS))
    // What comes from here on is told by the next call, since its reader has not looked yet.
    this.#arm()
  }

  #arm(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#told = promise
    this.#changed = resolve
  }

  #forget(directory: string): void {
    this.#watched.get(directory)?.close()
    this.#watched.delete(directory)
    this.#changed()
  }

  #end(): void {
    for (const watcher of this.#watched.values()) watcher.close()
    this.#watched.clear()
    this.#changed()
  }
}

/** Not every file system tells of what another host or another mount has written. */
const LOOK_ANYWAY_MS = 2_000
/** A batch of a busy gateway takes about as long. */
const GATHER_MS = 20
