import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Chunk, makeChunk } from './chunk.ts'
import { Oracle } from './oracle.ts'
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts'
import { Random } from './random.ts'

/** The same cases for every bug and on every run. A bug that the first cases miss is looked for in more. */
const SEEDS = [8, 9, 10, 11]
const SIZE = { sets: 150, requestsPerSet: 20, expressions: 1_400 }

const SOURCES = join(import.meta.dirname, '..', '..')

describe('the comparison with Cedar notices a bug in the compiler', () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-bugs-'))
  const oracle = new Oracle()
  const chunks: Promise<Chunk>[] = []
  const chunk = (index: number) => (chunks[index] ??= makeChunk(new Random(SEEDS[index] ?? 0), oracle, SIZE))
  after(async () => {
    rmSync(folder, { recursive: true })
    await oracle.restart()
  })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')

  it('and nothing where there is none', async () => {
    const first = await chunk(0)
    assert.deepEqual(first.disagreements, [])
    assert.equal(firstDisagreement(await copyWith(join(folder, 'none'), undefined), first), undefined)
  })

  it('of at least 40', () => assert.ok(PLANTED_BUGS.length >= 40, String(PLANTED_BUGS.length)))

  for (const [index, bug] of PLANTED_BUGS.entries()) {
    it(bug.what, async () => {
      const copy = await copyWith(join(folder, String(index)), bug)
      for (const [at] of SEEDS.entries()) if (firstDisagreement(copy, await chunk(at)) !== undefined) return
      assert.fail('nobody noticed')
    })
  }
})

type Cases = typeof import('./cases.ts')

/** The compiler and the comparison, copied, with the bug in it. */
async function copyWith(copy: string, bug: PlantedBug | undefined): Promise<Cases> {
  for (const room of ['model', 'policy']) cpSync(join(SOURCES, room), join(copy, room), { recursive: true })
  if (bug) {
    const path = join(copy, 'policy', bug.file)
    const text = readFileSync(path, 'utf8')
    assert.ok(text.includes(bug.find), `${bug.file} no longer holds ${bug.find}`)
    writeFileSync(
      path,
      text.replace(bug.find, () => bug.replace),
    )
  }
  return import(pathToFileURL(join(copy, 'policy/differential/cases.ts')).href)
}

/** A copy that crashes has been noticed too. */
function firstDisagreement(copy: Cases, { sets, values }: Chunk): string | undefined {
  try {
    for (const each of values) for (const found of copy.disagreementsOnValue(each)) return `${each.text}: ${found}`
    for (const each of sets) for (const found of copy.disagreementsOnSet(each)) return found
  } catch (error) {
    return String(error)
  }
  return undefined
}
