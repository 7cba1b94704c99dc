/** Policies that were parsed before are used again only where nothing that they came from has changed (S2). */
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { writeConfig } from '../../../test/kit/config-text.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import { no, ok, upstreamName } from '../../model/index.ts'
import type { PolicyBundle } from '../../policy/index.ts'
import { codeDigest, codeFiles, parseOnce } from './parsed.ts'
import { judgeConfig } from './setup.ts'

const BUNDLE: PolicyBundle = { policies: [], actions: {}, upstreams: {}, waiting: [] }
const INPUTS = [{ file: 'a.cedar', text: 'forbid (principal, action, resource);' }]
const SOURCE = join(import.meta.dirname, '..', '..')

/** Whether a start over this state has to parse; it gets the right bundle either way. */
async function parses(
  directory: string,
  inputs: unknown = INPUTS,
  code: () => string | undefined = () => 'this code',
): Promise<boolean> {
  let parsed = false
  const result = await parseOnce(
    directory,
    inputs,
    async () => {
      parsed = true
      return ok(BUNDLE)
    },
    code,
  )
  assert.deepEqual(result, ok(BUNDLE))
  return parsed
}

/** A state in which the bundle of `INPUTS` is kept, and its file. */
async function kept(): Promise<{ readonly directory: string; readonly file: string }> {
  const directory = join(temporaryDirectory(), 'state')
  assert.ok(await parses(directory), 'control: there is nothing to use yet')
  assert.ok(!(await parses(directory)), 'control: it is used')
  return { directory, file: join(directory, 'policies.json') }
}

describe('policies that were parsed before', () => {
  it('S2: other policies, or others than the last, are parsed', async () => {
    const { directory } = await kept()
    const other = [{ file: 'a.cedar', text: 'forbid (principal, action, resource) when { false };' }]
    assert.ok(await parses(directory, other))
    assert.ok(await parses(directory), 'the last ones alone are kept')
    const [grants, tools] = [new Map([['g_1', 2n]]), new Set(['pay'])]
    assert.ok(await parses(directory, { grants, tools }))
    assert.ok(!(await parses(directory, { grants, tools })))
    assert.ok(await parses(directory, { grants: new Map([['g_1', 3n]]), tools }), 'an amount')
    assert.ok(await parses(directory, { grants, tools: new Set(['pay', 'refund']) }), 'a tool')
  })

  it('S2: what other code has parsed is parsed again, and so is everything where the code cannot be read', async () => {
    const { directory, file } = await kept()
    assert.ok(await parses(directory, INPUTS, () => 'other code'))
    const before = readFileSync(file, 'utf8')
    const unreadable = () => codeDigest(join(directory, 'nothing'))
    assert.equal(unreadable(), undefined)
    for (const _ of ['first', 'second']) assert.ok(await parses(directory, INPUTS, unreadable))
    assert.equal(readFileSync(file, 'utf8'), before, 'and nothing is kept')
  })

  it('S2: what has a problem is parsed at every start', async () => {
    const { directory, file } = await kept()
    const before = readFileSync(file, 'utf8')
    const problem = { source: { file: 'a.cedar', line: 1, column: 1 }, message: 'x', expected: 'y' }
    for (const _ of ['first', 'second'])
      assert.deepEqual(await parseOnce(directory, ['broken'], async () => no([problem])), no([problem]))
    assert.equal(readFileSync(file, 'utf8'), before)
  })

  it('S2: a file that is damaged anywhere is not used, and is made anew', async () => {
    const { directory, file } = await kept()
    const whole = readFileSync(file)
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] ?? 0) ^ 1
      writeFileSync(file, damaged)
      assert.ok(await parses(directory), `byte ${at}`)
      assert.deepEqual(readFileSync(file), whole)
    }
    for (const text of ['', '{}', 'null', `${whole}\n`, whole.subarray(0, -1)]) {
      writeFileSync(file, text)
      assert.ok(await parses(directory), String(text))
    }
  })

  it('S2: a file that others can write, or that is none, is not used', async () => {
    const { directory, file } = await kept()
    for (const mode of [0o620, 0o602, 0o666]) {
      chmodSync(file, mode)
      assert.ok(await parses(directory), mode.toString(8))
      assert.equal(statSync(file).mode & 0o777, 0o600, 'and is replaced by one of ours')
    }
    renameSync(file, `${file}.moved`)
    symlinkSync(`${file}.moved`, file)
    assert.ok(await parses(directory), 'a link')
  })

  const root = process.getuid?.() === 0 ? false : 'a file is given to another user as root'
  it('S2: another user’s file is not used', { skip: root }, async () => {
    const { directory, file } = await kept()
    chownSync(file, 65_534, 65_534)
    assert.ok(await parses(directory))
    assert.equal(statSync(file).uid, 0)
  })

  it('a link that waits where it is written leads nowhere', async () => {
    const { directory, file } = await kept()
    const target = join(directory, 'target')
    symlinkSync(target, `${file}.new`)
    assert.ok(await parses(directory, ['others']))
    assert.ok(!existsSync(target))
    assert.ok(!(await parses(directory, ['others'])))
  })

  it('where nothing can be kept, a start parses', async () => {
    const directory = join(temporaryDirectory(), 'state')
    writeFileSync(directory, 'a file where the directory should be')
    for (const _ of ['first', 'second']) assert.ok(await parses(directory))
  })
})

describe('the name of the code that parses', () => {
  it('S2: changes with every byte of it, also where size and time stay', () => {
    const copy = temporaryDirectory()
    for (const room of ['model', 'policy']) cpSync(join(SOURCE, room), join(copy, room), { recursive: true })
    const own = codeDigest()
    assert.ok(own !== undefined)
    assert.equal(codeDigest(copy), own, 'control: the same code elsewhere')
    const names = new Set([own])
    for (const file of codeFiles(copy)) {
      const { atime, mtime } = statSync(file)
      const text = readFileSync(file)
      text[text.length - 1] = 0x20
      writeFileSync(file, text)
      utimesSync(file, atime, mtime)
      names.add(String(codeDigest(copy)))
    }
    assert.equal(names.size, codeFiles(copy).length + 1)
    renameSync(join(copy, 'policy/cedar/load/parse.ts'), join(copy, 'policy/cedar/load/parser.ts'))
    names.add(String(codeDigest(copy)))
    mkdirSync(join(copy, 'later'))
    renameSync(join(copy, 'policy/cedar/load/parser.ts'), join(copy, 'later/parser.ts'))
    names.add(String(codeDigest(copy)))
    assert.equal(names.size, codeFiles(copy).length + 4)
  })

  it('S2: covers every file that parsing or compiling loads', () => {
    const named = new Set(codeFiles(SOURCE))
    const loaded = loadedBy(
      ['load/parse.ts', 'load/cedar-worker.ts', 'compile.ts'].map((file) => join(SOURCE, 'policy', 'cedar', file)),
    )
    assert.ok(loaded.size > 20, `${loaded.size} files`)
    assert.deepEqual(
      [...loaded].filter((file) => !named.has(file)),
      [],
    )
  })
})

it('S2: a start uses what the one before has judged, until the configuration says something else', async () => {
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const start = async (tools: Readonly<Record<string, 'read' | 'write'>>) => {
    const config = await loadConfig(
      writeConfig(directory, { upstreams: { desk: { mcp: { url: 'http://127.0.0.1:1/mcp' }, tools } } }),
      { node: process.execPath },
    )
    if (!config.ok) assert.fail(JSON.stringify(config.reason))
    const judged = await judgeConfig(config.value, state)
    if (!judged.ok) assert.fail(JSON.stringify(judged.reason))
    assert.deepEqual(Object.keys(judged.value.policies.actions).sort(), Object.keys(tools).map(actionOf).sort())
    return statSync(join(state, 'policies.json')).ino
  }
  const first = await start({ look: 'read' })
  assert.equal(await start({ look: 'read' }), first, 'not written again')
  const second = await start({ look: 'write' })
  assert.notEqual(second, first, 'a tool’s effect')
  assert.notEqual(await start({ look: 'write', note: 'write' }), second, 'a tool')
})

function actionOf(tool: string): string {
  return `${upstreamName('desk')}/${tool}`
}

/** These files and all that they import, at any distance; of this repository. */
function loadedBy(files: readonly string[], seen = new Set<string>()): ReadonlySet<string> {
  for (const file of files) {
    if (seen.has(file)) continue
    seen.add(file)
    const imports = readFileSync(file, 'utf8').matchAll(/\bfrom '(\.{1,2}\/[^']+)'/g)
    const targets = [...imports].map(([, target = '']) => normalize(join(dirname(file), target)))
    loadedBy(targets, seen)
  }
  return seen
}
