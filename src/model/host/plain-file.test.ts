import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { readPlainFile } from './plain-file.ts'

const directory = mkdtempSync(join(tmpdir(), 'firebreak-plain-'))
after(() => rmSync(directory, { recursive: true }))
const at = (name: string) => join(directory, name)
const read = (path: string, bytesMax = 8, links?: 'no') => {
  const file = readPlainFile(path, bytesMax, links)
  return file && [file.bytes.toString('latin1'), file.whole]
}

it('a regular file is read to its end or the bound, and it is said which', () => {
  for (const [text, said] of [
    ['', ['', true]],
    ['12345678', ['12345678', true]],
    ['123456789', ['12345678', false]],
  ] as const) {
    writeFileSync(at('file'), text)
    assert.deepEqual(read(at('file')), said)
  }
  assert.equal(read(at('absent')), undefined)
  const long = 'x'.repeat(10_000)
  writeFileSync(at('long'), long)
  assert.deepEqual(read(at('long'), 10_000), [long, true])
})

it('the size that a file says it has is not believed', () => {
  assert.equal(read('/proc/self/status', 5)?.[0], 'Name:')
  assert.equal(read('/proc/self/maps', 1_000_000)?.[1], true)
  assert.equal(String(read('/proc/self/maps', 6_000)?.[0]).length <= 6_000, true)
  writeFileSync(at('holes'), 'a')
  truncateSync(at('holes'), 2 ** 42)
  assert.deepEqual(read(at('holes'), 2), ['a\0', false])
})

it('nothing is opened that would wait, begin to act or never end', () => {
  assert.equal(spawnSync('mkfifo', [at('pipe')]).status, 0)
  symlinkSync(at('pipe'), at('to-pipe'))
  for (const path of [at('pipe'), at('to-pipe'), '/dev/zero', '/dev/null', directory])
    assert.equal(read(path), undefined, path)
})

it('a link is followed, unless it must not be', () => {
  writeFileSync(at('target'), 'told')
  symlinkSync('target', at('link'))
  assert.deepEqual(read(at('link')), ['told', true])
  assert.equal(read(at('link'), 8, 'no'), undefined)
  assert.deepEqual(read(at('target'), 8, 'no'), ['told', true])
})
