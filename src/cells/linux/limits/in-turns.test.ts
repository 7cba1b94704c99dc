import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { inTurns } from './in-turns.ts'

it('S8: a long table is read in turns of whole lines: others are served meanwhile, and a short one is not held up', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'in-turns-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  const long = Array.from({ length: 20_000 }, (_, n) => `${n}: `.padEnd(40 + (n % 7), 'x')).join('\n')
  const texts = { long: `${long}\n`, short: 'a head\na line\n', cut: 'no end', empty: '' }
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text)
  const ends: string[] = []
  let served = 0
  let reading = true
  const serve = (): void => {
    served++
    if (reading) setImmediate(serve)
  }
  setImmediate(serve)
  const read = async (name: string) => {
    const pieces: string[] = []
    for await (const piece of inTurns(join(directory, name))) pieces.push(piece)
    ends.push(name)
    return pieces
  }
  const [pieces, short, cut, empty] = await Promise.all(['long', 'short', 'cut', 'empty'].map(read))
  reading = false
  assert.equal(pieces?.join(''), texts.long)
  assert.ok(pieces?.every((piece) => piece.endsWith('\n') && piece.length <= 2 * 65_536))
  assert.ok(served >= (pieces?.length ?? 0) && (pieces?.length ?? 0) > 10, `${served} turns of others`)
  assert.deepEqual([short, cut, empty], [[texts.short], [texts.cut], []])
  assert.equal(ends.at(-1), 'long')
  await assert.rejects(read('none'), /ENOENT/)
})
