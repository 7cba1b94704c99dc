/**
 * Sensors of the events inside cells, as the kernel tells them to the warden: nothing here asks a cell, and nothing in
 * a cell can switch it off. What is seen is gathered for a second, so that a cell can make no flood of it.
 */

import { readFileSync } from 'node:fs'
import type { Sensed } from '../../driver.ts'
import type { LinuxCell } from '../launch/cell.ts'
import { type OpenedFiles, openOpenedFiles, openProcessEvents, type ProcessEvent } from './calls.ts'

export interface Sensors {
  /** The sensors that work here; for each of the others, why it does not. */
  readonly working: Readonly<Record<'processes' | 'decoy files', true | string>>
  /** Watches a cell from before its first instruction, until it is stopped. */
  watch(cell: Pick<LinuxCell, 'pids' | 'counts' | 'decoys'>, onSensed: (sensed: Sensed) => void): () => void
  close(): void
}

const LOOK_EVERY_MS = 25
const TELL_EVERY_MS = 1_000
/** Events that are taken in one look. The rest waits in the kernel, which says so when it has no more room. */
const EVENTS_MAX = 4_096
/** Looks at the end of a cell: the kernel keeps 16,384 openings. fanotify(7) */
const LAST_LOOKS_MAX = 5
/** Programs that one entry names. */
const NAMED_MAX = 8
/** New processes of one cell in a second: a build of many cores starts fewer, a fork bomb starts thousands. */
const STORM = 200
/** The kernel's end of a process that made a call which the filter kills for. signal(7) */
const SIGSYS = 31
/** SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV. */
const CRASHES: ReadonlySet<number> = new Set([4, 6, 7, 8, 11])

export function openSensors(): Sensors {
  const processes = openProcessEvents()
  const files = openOpenedFiles()
  const watched = new Set<Watched>()
  let looks = 0
  let timer: NodeJS.Timeout | undefined
  /** Follows what the kernel has to tell, by every sensor; false: that was all. */
  const follow = (): boolean => {
    const happened = processes.ok ? processes.value.take(EVENTS_MAX) : []
    for (const event of happened) for (const each of watched) each.happened(event)
    const opened = files.ok ? files.value.take(EVENTS_MAX) : []
    for (const { file, pid } of opened) for (const each of watched) each.opened(file, pid)
    return happened.length >= EVENTS_MAX || opened.length >= EVENTS_MAX
  }
  const look = () => {
    follow()
    if (++looks % (TELL_EVERY_MS / LOOK_EVERY_MS) === 0) for (const each of watched) each.tell()
  }
  return {
    working: {
      processes: processes.ok ? true : processes.reason,
      'decoy files': files.ok ? true : files.reason,
    },
    watch(cell, onSensed) {
      const each = new Watched(cell, onSensed, files.ok ? files.value : undefined)
      watched.add(each)
      timer ??= setInterval(look, LOOK_EVERY_MS).unref()
      return () => {
        // What it did last is told before its end, also where others have much to tell.
        for (let n = 0; n < LAST_LOOKS_MAX && follow(); n++);
        each.tell()
        watched.delete(each)
        if (watched.size > 0) return
        clearInterval(timer)
        timer = undefined
      }
    },
    close() {
      clearInterval(timer)
      if (processes.ok) processes.value.close()
      if (files.ok) files.value.close()
    },
  }
}

class Watched {
  readonly #cell: Pick<LinuxCell, 'pids' | 'counts' | 'decoys'>
  readonly #onSensed: (sensed: Sensed) => void
  /** Decoys by what the kernel calls them. */
  readonly #decoys = new Map<string, string>()
  #pids: Set<number>
  #counted: ReturnType<LinuxCell['counts']>
  #started = 0
  #ended = 0
  #lost = 0
  /** Decoys by path, in this second. */
  readonly #opened = new Map<string, number>()
  readonly #programs = new Map<string, number>()
  readonly #signals = new Map<number, number>()

  constructor(
    cell: Pick<LinuxCell, 'pids' | 'counts' | 'decoys'>,
    onSensed: (sensed: Sensed) => void,
    files: OpenedFiles | undefined,
  ) {
    this.#cell = cell
    this.#onSensed = onSensed
    this.#pids = new Set(cell.pids())
    this.#counted = cell.counts()
    for (const { from, to } of cell.decoys) {
      const file = files?.watch(from)
      if (file?.ok) this.#decoys.set(file.value, to)
    }
  }

  happened(event: ProcessEvent): void {
    switch (event.kind) {
      case 'fork':
        if (!this.#pids.has(event.parent)) return
        this.#pids.add(event.child)
        this.#started++
        return
      case 'exec': {
        if (!this.#pids.has(event.pid)) return
        const name = nameOf(event.pid)
        if (this.#programs.size < NAMED_MAX || this.#programs.has(name))
          this.#programs.set(name, (this.#programs.get(name) ?? 0) + 1)
        return
      }
      case 'exit':
        if (!this.#pids.delete(event.pid)) return
        this.#ended++
        if (event.signal !== 0) this.#signals.set(event.signal, (this.#signals.get(event.signal) ?? 0) + 1)
        return
      case 'lost':
        this.#lost++
        this.#pids = new Set(this.#cell.pids())
    }
  }

  /** Tells an opened decoy at once: nobody who means well opens one. Again only after a second, with how often. */
  opened(file: string, pid: number): void {
    const path = this.#decoys.get(file)
    if (path === undefined) return
    const again = this.#opened.get(path)
    this.#opened.set(path, (again ?? 0) + 1)
    if (again === undefined) this.#tellOpened(path, nameOf(pid), 1)
  }

  #tellOpened(path: string, program: string, count: number): void {
    this.#onSensed({ sensor: 'decoy-file', what: `${program} opened ${path}`, count, detail: { path, program } })
  }

  tell(): void {
    const [started, ended, lost] = [this.#started, this.#ended, this.#lost]
    const programs = Object.fromEntries(this.#programs)
    if (started > 0 || this.#programs.size > 0) {
      const names = Object.keys(programs).join(', ')
      const what = `${started} ${started === 1 ? 'process' : 'processes'} started and ${ended} ended${names === '' ? '' : `: ${names}`}`
      this.#onSensed({ sensor: 'process', what, count: started, detail: { started, ended, programs } })
    }
    if (started >= STORM)
      this.#onSensed({ sensor: 'storm', what: `${started} processes in a second`, count: started, detail: { started } })
    for (const [signal, count] of this.#signals) this.#tellEnd(signal, count)
    if (lost > 0)
      this.#onSensed({
        sensor: 'lost',
        what: 'more processes came and went than could be followed',
        count: lost,
        detail: {},
      })
    this.#tellLimits()
    for (const [path, count] of this.#opened) if (count > 1) this.#tellOpened(path, 'something', count - 1)
    this.#opened.clear()
    this.#started = 0
    this.#ended = 0
    this.#lost = 0
    this.#programs.clear()
    this.#signals.clear()
  }

  #tellEnd(signal: number, count: number): void {
    const detail = { signal }
    if (signal === SIGSYS) {
      const what = `${count} processes were ended for a system call that the filter kills for`
      this.#onSensed({ sensor: 'system-call', what, count, detail })
    } else if (CRASHES.has(signal)) {
      this.#onSensed({ sensor: 'crash', what: `${count} processes crashed with signal ${signal}`, count, detail })
    }
  }

  #tellLimits(): void {
    const now = this.#cell.counts()
    const before = this.#counted
    this.#counted = now
    const reached = (what: string, limit: string, count: number) => {
      if (count > 0) this.#onSensed({ sensor: 'limit', what, count, detail: { limit } })
    }
    const killed = now.outOfMemoryKills - before.outOfMemoryKills
    reached(`the kernel ended ${killed} processes for want of memory`, 'memory', killed)
    const refused = now.forksRefused - before.forksRefused
    reached(`${refused} processes were refused: there are as many as it may have`, 'pids', refused)
  }
}

/** Returns the name of a process as the kernel has it, if it is still there; the cell may have chosen it. */
function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8')
      .trim()
      .replaceAll(/[^\x20-\x7e]/g, '?')
      .slice(0, 16)
  } catch {
    return 'a program that has ended'
  }
}
