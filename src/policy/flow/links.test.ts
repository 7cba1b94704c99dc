import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { linksIn } from './links.ts'

describe('S15: links in what is carried', () => {
  it('S15: finds what a reader could follow, without the sentence around it', () => {
    assert.deepEqual(linksIn('See www.evil.example/x, (https://a.b/c?d=1) or write to m.x+1@evil.example!'), [
      'www.evil.example/x',
      'https://a.b/c?d=1',
      'm.x+1@evil.example',
    ])
    assert.deepEqual(linksIn('![](data://x) javascript://y ftp://z.example. evil.com; sub.evil.io/path'), [
      'data://x',
      'javascript://y',
      'ftp://z.example',
      'evil.com',
      'sub.evil.io/path',
    ])
    assert.deepEqual(linksIn('пример.рф/путь'), ['пример.рф/путь'])
  })

  it('S15: leaves ordinary text alone, and tells when there are too many to judge', () => {
    assert.deepEqual(linksIn('Pay 10.50 at 10:30, see report.docx or node.js, e.g. now. Dear Ana, thanks'), [])
    assert.deepEqual(linksIn('nothing here'), [])
    const many = (count: number) => linksIn(Array.from({ length: count }, (_, i) => `www.${i}.example`).join(' '))
    assert.equal(many(500).length, 500)
    assert.equal(many(501).at(-1), 'more links than are judged')
  })
})
