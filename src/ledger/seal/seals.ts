import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSeal, type SealedHead, type WitnessKey } from '../log/note.ts'
import { same } from './proof.ts'
import { splitSeals } from './seal-store.ts'

/** Seals of one log, smallest first, and what is wrong with them. Every signature has been verified. */
export interface Seals {
  readonly heads: readonly SealedHead[]
  readonly problems: readonly string[]
}

/** Reads one log's seals from the witness's directory. */
export async function readSealsOf(directory: string, origin: string, key: WitnessKey): Promise<Seals> {
  const grown = splitSeals(await readFile(join(directory, 'seals'), 'utf8').catch(() => ''))
  const latest = await readFile(join(directory, 'latest'), 'utf8').catch(() => '')
  const last = grown.at(-1)
  // A seal that was torn by a crash was never answered; it can only be the last.
  const torn = last !== undefined && !openSeal(last, key).ok && !last.endsWith('=\n')
  return judged([...(torn ? grown.slice(0, -1) : grown), ...(latest === '' ? [] : [latest])], origin, key)
}

/**
 * Reads the seal that a log keeps of itself, where the witness signed it for this log; its signature is what makes it
 * count.
 */
export async function readOwnSeal(directory: string, origin: string, key: WitnessKey): Promise<SealedHead | undefined> {
  const text = await readFile(join(directory, 'seal'), 'utf8').catch(() => '')
  const opened = openSeal(text.replace(/\0+$/, ''), key)
  return opened.ok && opened.value.origin === origin ? opened.value : undefined
}

/**
 * Returns seals together with the one that the log keeps. A witness keeps each seal before it answers with it: where
 * that one is larger than all of the witness's own, these have been lost or cut, and it is told.
 */
export function withOwnSeal(seals: Seals, own: SealedHead | undefined): Seals {
  if (own === undefined) return seals
  const newest = seals.heads.at(-1)?.size ?? 0
  const twin = seals.heads.find(({ size }) => size === own.size)
  if (twin !== undefined && same(twin.root, own.root)) return seals
  const lost = `the witness's seals end at ${newest} entries, and it has signed ${own.size}: the newest of them are gone`
  const forked = `the witness signed two trees of ${own.size} entries`
  const told = twin !== undefined ? [forked] : own.size > newest ? [lost] : []
  const heads = [...seals.heads, own].sort((a, b) => a.size - b.size || a.atMs - b.atMs)
  return { heads, problems: [...seals.problems, ...told] }
}

/** Sorts notes that were copied from anywhere by their origin; under '' those without a valid signature. */
export function sealsByOrigin(notes: readonly string[], key: WitnessKey): Map<string, Seals> {
  const byOrigin = new Map<string, string[]>()
  for (const note of notes) {
    const opened = openSeal(note, key)
    const origin = opened.ok ? opened.value.origin : ''
    byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), note])
  }
  return new Map([...byOrigin].map(([origin, own]) => [origin, judged(own, origin, key)]))
}

function judged(notes: readonly string[], origin: string, key: WitnessKey): Seals {
  const heads: SealedHead[] = []
  const problems: string[] = []
  for (const [i, note] of notes.entries()) {
    const opened = openSeal(note, key)
    if (!opened.ok) problems.push(`seal ${i + 1} of ${notes.length}: ${opened.reason.problem}`)
    else if (opened.value.origin !== origin) problems.push(`seal ${i + 1} is for ${opened.value.origin}`)
    else heads.push(opened.value)
  }
  heads.sort((a, b) => a.size - b.size || a.atMs - b.atMs)
  for (const [i, head] of heads.entries()) {
    const before = heads[i - 1]
    if (before?.size === head.size && !same(before.root, head.root)) {
      problems.push(`the witness signed two trees of ${head.size} entries`)
    }
  }
  return { heads, problems }
}
