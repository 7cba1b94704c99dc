import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { NAME_PATTERN } from '../../model/ids.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { codeOf, realDisk, segmentIndex } from '../log/disk.ts'
import type { LedgerFault } from '../log/fault.ts'
import { readPayload } from '../log/payloads.ts'
import { LogReader, readEntries } from '../log/read.ts'
import { recordedIn } from '../log/recorded.ts'
import type { Log, LoggedEntry, Logs } from '../store.ts'
import { Changes } from './follow.ts'

/** Returns the logs that lie in a directory (`<state>/ledger`), each in one of its own. */
export function fileLogs(directory: string): Logs {
  const names = async (): Promise<readonly string[] | undefined> => {
    try {
      return (await readdir(directory)).filter((name) => NAME_PATTERN.test(name)).sort()
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }
  return {
    names,
    log: (name) => fileLog(join(directory, name)),
    follow: (...args) => followed(directory, names, ...args),
  }
}

/** Returns the log in one directory (`<state>/ledger/<log>`), or in a copy of it. */
export function fileLog(directory: string, name = basename(directory)): Log {
  return {
    name,
    paths: [resolve(directory)],
    read: (fromSeq) => readEntries(directory, fromSeq),
    recorded: () => recordedIn(directory),
    follow: (signal, fromSeq = 0) => followedOne(directory, signal, fromSeq),
    payload: (cell, commitment) => readPayload(realDisk, directory, cell, commitment),
  }
}

/** Returns the logs that a person names by a directory: it is one log, or a directory of them. */
export async function logsAt(directory: string): Promise<readonly Log[]> {
  const place = resolve(directory)
  const names = await readdir(place).catch(() => [])
  if (names.some((name) => segmentIndex(name) !== undefined)) return [fileLog(place)]
  const logs = fileLogs(place)
  return ((await logs.names()) ?? []).map((name) => logs.log(name))
}

async function* followedOne(directory: string, signal: AbortSignal, fromSeq: number): ReturnType<LogReader['more']> {
  const changes = new Changes(signal)
  changes.add(directory)
  const reader = new LogReader(directory, fromSeq)
  while (!signal.aborted) {
    for await (const read of reader.more()) {
      if (signal.aborted) return
      yield read
      if (!read.ok) return
    }
    await changes.next()
  }
}

async function* followed(
  directory: string,
  names: Logs['names'],
  signal: AbortSignal,
  from: ReadonlyMap<string, number> = new Map(),
): AsyncGenerator<Result<LoggedEntry, LedgerFault>, void> {
  const changes = new Changes(signal)
  const readers = new Map<string, LogReader>()
  while (!signal.aborted) {
    changes.add(directory)
    for (const log of (await names()) ?? []) {
      const path = join(directory, log)
      changes.add(path)
      const reader = readers.get(log) ?? new LogReader(path, from.get(log) ?? 0)
      readers.set(log, reader)
      for await (const read of reader.more()) {
        if (signal.aborted) return
        yield read.ok ? ok({ ...read.value, log }) : no(read.reason)
        if (!read.ok) return
      }
    }
    await changes.next()
  }
}
