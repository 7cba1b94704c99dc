import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Chunk, makeChunk } from './chunk.ts'
import { Oracle } from './oracle.ts'
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts'
import { Random } from './random.ts'

/** The same cases for every bug and on every run. A bug that the first cases miss is looked for in more. */
const SEEDS = Array.from({ length: 12 }, (_, at) => 8 + at)
const SIZE = { sets: 50, requestsPerSet: 20, expressions: 470 }

const CEDAR = join(import.meta.dirname, '..', '..', '..', 'src', 'policy', 'cedar')
const CASES = pathToFileURL(join(import.meta.dirname, 'cases.ts')).href
/** A file of ours that another one loads, by its relative name; types are no longer there when it is. */
const LOADED = /^(?:import|export) (?!type )[^']*?from '(\.[^']+)'/gm
const importers = importersOf([join(CEDAR, '..'), import.meta.dirname].flatMap(filesIn))

describe('the comparison with Cedar notices a bug in the compiler', () => {
  const oracle = new Oracle()
  const chunks: Promise<Chunk>[] = []
  const chunk = (index: number) => (chunks[index] ??= makeChunk(new Random(SEEDS[index] ?? 0), oracle, SIZE))
  after(() => oracle.restart())

  it('and nothing where there is none', async () => {
    const first = await chunk(0)
    assert.deepEqual(first.disagreements, [])
    assert.equal(firstDisagreement(await copyWith('none'), first), undefined)
  })

  it('of at least 40', () => assert.ok(PLANTED_BUGS.length >= 40, String(PLANTED_BUGS.length)))

  for (const [index, bug] of PLANTED_BUGS.entries()) {
    it(bug.what, async () => {
      const copy = await copyWith(String(index), bug)
      for (const [at] of SEEDS.entries()) if (firstDisagreement(copy, await chunk(at)) !== undefined) return
      assert.fail('nobody noticed')
    })
  }
})

type Cases = typeof import('./cases.ts')

/** The compiler and the comparison, loaded anew with the bug in it: what does not load its file is shared with others. */
async function copyWith(name: string, bug?: PlantedBug): Promise<Cases> {
  const planted = pathToFileURL(join(CEDAR, bug?.file ?? 'value.ts')).href
  const anew = new Set([planted])
  for (const url of anew) for (const importer of importers.get(url) ?? []) anew.add(importer)
  const as = (url: string) => (anew.has(url) ? `${url}?bug=${name}` : url)
  assert.notEqual(as(CASES), CASES, 'the comparison does not load it')
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context)
      return { ...found, url: as(found.url) }
    },
    load: (url, context, next) => {
      if (bug === undefined || url !== as(planted)) return next(url, context)
      const text = readFileSync(fileURLToPath(planted), 'utf8')
      assert.ok(text.includes(bug.find), `${bug.file} no longer holds ${bug.find}`)
      const source = text.replace(bug.find, () => bug.replace)
      return { format: 'module-typescript', source, shortCircuit: true }
    },
  })
  try {
    return await import(CASES)
  } finally {
    hooks.deregister()
  }
}

function filesIn(folder: string): readonly string[] {
  return globSync('**/*.ts', { cwd: folder }).map((name) => join(folder, name))
}

/** Returns, by the URL of each of these files, those that load it. */
function importersOf(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const file of files) {
    const url = pathToFileURL(file).href
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(LOADED)) {
      const loaded = new URL(specifier, url).href
      found.set(loaded, [...(found.get(loaded) ?? []), url])
    }
  }
  return found
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
