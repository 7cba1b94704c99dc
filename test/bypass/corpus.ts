/** How a table of attacks is run: each is tried once, and judged by the answer, by the upstream's own book, and by the ledger. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import type { JsonObject } from '../../src/model/index.ts'
import type { TestCell, TestGateway } from '../kit/gateway.ts'
import { call, errorOf, type HttpReply, textOf } from '../kit/wire.ts'
import type { Attack } from './attacks.ts'

export const REPOSITORY: string = join(import.meta.dirname, '../..')

/**
 * `refused`: nothing arrives. `held`: nothing arrives, a person is asked. `contained`: the call arrives, and nothing of
 * what was smuggled with it. Each of them is in the ledger.
 */
export type Must = 'refused' | 'held' | 'contained'

/** A line of the table. */
export interface Case {
  readonly attack: Attack
  /** What the attacker does. */
  readonly does: string
  readonly must: Must
  readonly try: () => Promise<HttpReply>
  /** What must not be in anything that arrived; with `contained` only. */
  readonly smuggled?: string
  readonly known?: Known
  /** Why the refusal has no entry of its own. README.md lists these; as soon as one is told a reference, its entry is looked for. */
  readonly unrecorded?: string
}

/** It gets through. Kept where everybody sees it, as long as LIMITATIONS.md says so. */
export interface Known {
  readonly why: string
  /** As LIMITATIONS.md has it, word for word. */
  readonly line: string
}

/** Where the attacks of a table arrive, if they do. */
export interface World {
  readonly gateway: TestGateway
  /** Everything that the upstreams have been sent so far, in words. */
  readonly book: () => readonly string[]
}

interface Tried {
  readonly reply: HttpReply
  readonly arrived: readonly string[]
}

/**
 * Tries every case, in order; then registers one test for each, and one that holds README.md to their number. `scenes` are
 * attacks of the same room that take a test of their own.
 */
export async function corpus(
  room: string,
  world: World,
  cases: readonly Case[],
  scenes: readonly Attack[] = [],
): Promise<void> {
  const tried = new Map<Case, Tried>()
  for (const each of cases) {
    const already = world.book().length
    const reply = await each.try()
    tried.set(each, { reply, arrived: world.book().slice(already) })
    // What waits for a person is denied, so that the next one is held for itself and not because too many wait.
    if (isHeld(reply)) await world.gateway.answer(referenceIn(reply), false)
  }
  const references = [...tried.values()].map(({ reply }) => referenceIn(reply)).filter((text) => text !== '')
  const entries = await world.gateway.entries((all) => references.every((reference) => all.some(isAbout(reference))))
  describe(`bypass: ${room}`, () => {
    for (const each of cases) {
      const title = `${each.attack}: ${each.does}: ${each.known === undefined ? each.must : 'known to get through'}`
      it(title, () => judge(each, tried.get(each), entries))
    }
    it('whatever arrived has its intent in the ledger', () => {
      assert.ok(entries.filter(({ kind }) => kind === 'action.intent').length >= world.book().length)
    })
  })
  counted(room, [...cases.map(({ attack }) => attack), ...scenes])
}

/** Registers the test that holds README.md to the number of a room's cases. */
export function counted(room: string, attacks: readonly Attack[]): void {
  it(`README.md counts the cases of ${room}`, () => assert.deepEqual(countedInReadme(room), countsOf(attacks)))
}

function judge(each: Case, tried: Tried | undefined, entries: readonly Entry[]): void {
  assert.ok(tried, 'it was not tried')
  const { reply, arrived } = tried
  const said = `${reply.status} ${reply.text.slice(0, 300)}`
  if (each.known !== undefined) {
    assert.equal(arrived.length, 1, `it does not get through any more: take "known" away. ${said}`)
    assert.ok(limitations().includes(each.known.line), `LIMITATIONS.md does not say: ${each.known.line}`)
    return
  }
  if (each.must === 'contained') {
    assert.equal(arrived.length, 1, said)
    assert.ok(each.smuggled, 'nothing is said to be smuggled')
    assert.ok(!arrived.join().includes(each.smuggled), arrived.join())
    return
  }
  assert.deepEqual(arrived, [], said)
  assert.equal(isHeld(reply), each.must === 'held', said)
  if (each.must === 'refused') assert.ok(reply.status >= 400 || errorOf(reply) !== undefined || isError(reply), said)
  const reference = referenceIn(reply)
  if (reference === '' && each.unrecorded !== undefined) return
  assert.match(reference, /^a_/, `no reference was told: ${said}`)
  const kind = each.must === 'held' ? 'action.held' : 'action.refused'
  assert.ok(
    entries.some((entry) => entry.kind === kind && isAbout(reference)(entry)),
    `the ledger has no ${kind} ${reference}`,
  )
}

/** What a cell says and does. */
export function speaker(cell: TestCell, upstream: string) {
  return (name: string, args: JsonObject = {}): Promise<HttpReply> => call(cell.url(upstream), name, args)
}

export function isHeld(reply: HttpReply): boolean {
  return textOf(reply).startsWith('Firebreak holds this call')
}

function isError({ message }: HttpReply): boolean {
  return JSON.stringify(message.result ?? {}).includes('"isError":true')
}

export function referenceIn({ text }: HttpReply): string {
  return /reference(?:"?:"| )(a_[0-9a-z]{20})/.exec(text)?.[1] ?? ''
}

function isAbout(reference: string) {
  return (entry: Entry) =>
    (entry.kind === 'action.refused' && entry.action === reference) ||
    (entry.kind === 'action.held' && entry.hold === reference)
}

export function limitations(): string {
  return readFileSync(join(REPOSITORY, 'LIMITATIONS.md'), 'utf8')
}

/** The lines of the table in README.md, without its head: attack, room, cases, what happens. */
export function readmeTable(): readonly (readonly string[])[] {
  const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const lines = text.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:attack|---)/.test(line))
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((part) => part.trim()),
  )
}

function countedInReadme(room: string): readonly string[] {
  const lines = readmeTable().filter(([, where]) => where === `${room}.test.ts`)
  return lines.map(([attack, , count]) => `${attack}: ${count}`).sort()
}

function countsOf(attacks: readonly Attack[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const attack of attacks) counts.set(attack, (counts.get(attack) ?? 0) + 1)
  return [...counts].map(([attack, count]) => `${attack}: ${count}`).sort()
}
