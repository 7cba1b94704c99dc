import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { PackageRules } from '../rules/package-policy.ts'
import { LIST_BYTES_MAX, LISTS_WAITING_BYTES_MAX, LISTS_WAITING_MAX, PackageDesk } from './package-desk.ts'
import { type ListJob, markList } from './package-work.ts'

const NOW = Date.parse('2026-11-30T10:00:00Z')
const policy = { ageMsMin: 604_800_000, youngAllowed: [], denied: [], pins: [], scripts: [], resembling: [] }
const rules = new PackageRules({ ecosystem: 'npm', ...policy }).about('long-list')

/** A list of so many versions, each with a text of 1,000 characters, of which the newest is new. */
function longList(versions: number, readme = ''): Uint8Array {
  const numbers = Array.from({ length: versions }, (_, i) => i)
  const entries = numbers.map((i) => `"1.${i}.0":{"name":"long-list","version":"1.${i}.0","x":"${'x\\n'.repeat(333)}"}`)
  const times = numbers.map((i) => `"1.${i}.0":"${i === versions - 1 ? '2026-11-29' : '2026-01-01'}T00:00:00.000Z"`)
  const tags = `"dist-tags":{"latest":"1.${versions - 1}.0"}`
  return new TextEncoder().encode(
    `{"name":"long-list",${tags},"versions":{${entries.join(',')}},"time":{${times.join(',')}},"readme":"${readme}"}`,
  )
}

const job = (bytes: Uint8Array): ListJob => ({ form: 'packument', bytes, rules, nowMs: NOW })
const large = (bytes: number) => job(new Uint8Array(bytes))
const directory = mkdtempSync(join(tmpdir(), 'package-desk-'))
after(() => rmSync(directory, { recursive: true }))

/** Writes a program for the desk's thread, which has `parentPort`. */
function program(name: string, text: string): string {
  const path = join(directory, `${name}.mjs`)
  writeFileSync(path, `import { parentPort } from 'node:worker_threads'\n${text}`)
  return path
}

/** A program that answers each list with its place in the row. */
const counts = program(
  'counts',
  `let n = 0
  parentPort.on('message', ({ rules }) => setTimeout(() => parentPort.postMessage({ ok: false, reason: rules + ' ' + n++ }), 5))`,
)

describe('the desk of packages', () => {
  it('marks a list of 20 MB in a thread, as it would be here', async () => {
    const desk = new PackageDesk()
    try {
      const bytes = longList(20_000)
      assert.ok(bytes.length > 20_000_000)
      const [marked, here] = [await desk.mark('c', job(bytes.slice())), markList(job(bytes))]
      assert.ok(marked.ok && here.ok)
      assert.deepEqual(marked.value.latest, { was: '1.19999.0', is: '1.19998.0' })
      assert.equal(Buffer.compare(marked.value.bytes, here.value.bytes), 0)
      assert.equal(marked.value.releases.filter(({ verdict }) => !verdict.allowed).length, 1)
    } finally {
      desk.close()
    }
  })

  it('a piece of a larger buffer leaves the rest of that as it was', async () => {
    const desk = new PackageDesk()
    try {
      const bytes = longList(30)
      const whole = new Uint8Array(bytes.length + 10).fill(7)
      whole.set(bytes, 5)
      const marked = await desk.mark('c', job(whole.subarray(5, -5)))
      assert.equal(marked.ok, true)
      assert.equal(whole[0], 7)
    } finally {
      desk.close()
    }
  })

  it('a list that takes too long ends its thread', async () => {
    const hangs = program('hangs', "parentPort.on('message', () => { for (;;); })")
    const desk = new PackageDesk({ program: hangs, listMsMax: 200 })
    try {
      const hung = { ok: false, reason: 'reading it took too long, or more memory than there is for it' }
      // The second one waits for the end of the first.
      const both = [desk.mark('c', large(20_000)), desk.mark('c', large(20_000))]
      assert.deepEqual(await Promise.all(both), [hung, hung])
    } finally {
      desk.close()
    }
  })

  it('a list that takes too much memory, or breaks its thread, ends that and nothing else', async () => {
    const breaks = program(
      'breaks',
      `parentPort.on('message', ({ nowMs }) => {
        if (nowMs === 1) throw new Error('broken')
        if (nowMs === 2) process.exit(0)
        if (nowMs === 3) { const all = []; for (;;) all.push(new Array(1_000_000).fill({})) }
        parentPort.postMessage({ ok: false, reason: 'read' })
      })`,
    )
    const desk = new PackageDesk({ program: breaks })
    try {
      for (const nowMs of [1, 2, 3]) {
        const broken = await desk.mark('c', { ...large(20_000), nowMs })
        assert.deepEqual(broken, { ok: false, reason: 'reading it took too long, or more memory than there is for it' })
        assert.deepEqual(await desk.mark('c', large(20_000)), { ok: false, reason: 'read' })
      }
      const none = new PackageDesk({ program: join(directory, 'none.mjs') })
      assert.equal((await none.mark('c', large(20_000))).ok, false)
      none.close()
    } finally {
      desk.close()
    }
  })

  it('reads one list of a cell at a time, and of two cells two', async () => {
    const notes = program(
      'notes',
      `parentPort.on('message', ({ rules: [own, all] }) => {
        for (const each of [own, all]) if (Atomics.add(each, 0, 1) === 1) Atomics.store(each, 1, 1)
        const read = () => {
          for (const each of [own, all]) Atomics.sub(each, 0, 1)
          parentPort.postMessage({ ok: false, reason: 'read' })
        }
        setTimeout(read, 20)
      })`,
    )
    const shared = () => new Int32Array(new SharedArrayBuffer(8))
    const [a, b, all] = [shared(), shared(), shared()]
    const desk = new PackageDesk({ program: notes })
    // The program of this test takes its numbers for the rules.
    const ask = (cell: string, own: Int32Array) =>
      desk.mark(cell, { ...large(20_000), rules: [own, all] as unknown as ListJob['rules'] })
    try {
      // Both threads have started.
      await Promise.all([ask('a', a), ask('b', b)])
      await Promise.all(Array.from({ length: 20 }, () => [ask('a', a), ask('b', b)]).flat())
      await Promise.all(Array.from({ length: 6 }, () => ask('a', a)))
      assert.deepEqual([a[1], b[1], all[1]], [0, 0, 1])
    } finally {
      desk.close()
    }
  })

  it('cells take turns, so that none waits for all of another’s', async () => {
    const some = program(
      'some',
      "parentPort.on('message', ({ nowMs }) => nowMs === 1 || parentPort.postMessage({ ok: false, reason: 'read' }))",
    )
    const desk = new PackageDesk({ program: some })
    const order: string[] = []
    const ask = (cell: string) => desk.mark(cell, large(20_000)).then(() => order.push(cell))
    try {
      // One thread is busy until the end, so that the other has all of them one after the other.
      void desk.mark('busy', { ...large(20_000), nowMs: 1 })
      await Promise.all([...'aaaaa', 'b', 'c'].map(ask))
      assert.equal(order.join(''), 'aabcaaa')
    } finally {
      desk.close()
    }
  })

  it('has so much room for a cell, and gives it back', async () => {
    const desk = new PackageDesk({ program: counts })
    const many = 'too many lists of packages are asked for at once'
    try {
      const lists = Array.from({ length: LISTS_WAITING_MAX }, () => desk.mark('a', large(20_000)))
      assert.deepEqual(await desk.mark('a', large(20_000)), { ok: false, reason: many })
      const other = desk.mark('b', large(20_000))
      for (const list of [...lists, other]) assert.notDeepEqual(await list, { ok: false, reason: many })
      assert.notDeepEqual(await desk.mark('a', large(20_000)), { ok: false, reason: many })
      const whole = Array.from({ length: LISTS_WAITING_BYTES_MAX / LIST_BYTES_MAX }, () =>
        desk.mark('a', large(LIST_BYTES_MAX)),
      )
      assert.deepEqual(await desk.mark('a', large(20_000)), { ok: false, reason: many })
      desk.leave('a')
      await Promise.all(whole)
      assert.equal((await desk.mark('a', large(LIST_BYTES_MAX + 1))).ok, false)
    } finally {
      desk.close()
    }
  })

  it('that is closed answers all that waits, and no more', async () => {
    const desk = new PackageDesk({ program: counts })
    const all = Array.from({ length: 5 }, () => desk.mark('a', large(20_000)))
    desk.close()
    for (const each of all) assert.equal((await each).ok, false)
    assert.deepEqual(await desk.mark('a', large(20_000)), { ok: false, reason: 'this cell is gone' })
  })
})
