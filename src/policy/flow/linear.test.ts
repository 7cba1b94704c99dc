import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ADVERSARIAL, assertLinear } from '../../../test/kit/linear.ts'
import { TaskText } from '../decide/task.ts'
import { AskedWords } from './asked-words.ts'
import { likeness } from './likeness.ts'
import { linksIn } from './links.ts'
import { SentWords } from './sent-words.ts'
import { Spelled } from './spelling.ts'

describe('S17: what a cell writes is read in a time that grows as its length does', () => {
  const readers: Readonly<Record<string, (text: string) => unknown>> = {
    links: linksIn,
    spellings: (text) => {
      const spelled = new Spelled(text)
      return [spelled.plain, spelled.skeletons, spelled.keys]
    },
    'own words': (text) => new SentWords().add(text, { what: 'text', knows: () => false }),
    questions: (text) => new AskedWords().add(text, 'text'),
    likeness: (text) => likeness('abc').in(text),
    tasks: (text) => new TaskText(text).names(text.slice(0, 100)),
  }
  for (const [what, read] of Object.entries(readers)) {
    it(`S17: ${what}`, () => {
      for (const [name, text] of Object.entries(ADVERSARIAL)) assertLinear(`${what} in ${name}`, text, read)
    })
  }
})

describe('S15: one word in other clothes', () => {
  const base64 = Buffer.from('evil-account-7').toString('base64')
  const worn = [
    ['evil-account-7', `${base64.slice(0, 8)}\n ${base64.slice(8)}`],
    ['evil-account-7', `data:text/plain;base64,${base64}`],
    ['evil-account-7', `=?utf-8?B?${base64}?=`],
    ['evil-account-7', Buffer.from('evil-account-7').toString('hex').replaceAll(/(..)/g, '$1 ')],
    ['evil-account-7', '%u0065vil-account-7'],
    ['4711000', '4711e003'],
    ['4711', '.4711e4'],
  ] as const
  for (const [word, other] of worn) {
    it(`S15: ${JSON.stringify(other)}`, () => {
      const [one, two] = [new Spelled(word), new Spelled(other)]
      assert.ok([...one.skeletons, ...one.keys].some((each) => [...two.skeletons, ...two.keys].includes(each)))
    })
  }
})

describe('S15: links that stand close to each other', () => {
  it('S15: are found beside each other, and none inside another', () => {
    assert.deepEqual(linksIn('a.com,b.org/x c@d.net,e.io;f.zip/path http://g.h/www.i.j@k.com'), [
      'a.com',
      'b.org/x',
      'c@d.net',
      'e.io',
      'f.zip/path',
      'http://g.h/www.i.j@k.com',
    ])
    assert.deepEqual(linksIn('x..evil.com evil.com-y evil.com_z awww.q.r 1.evil.de.zz a@b.c@d.e'), [
      'evil.com',
      'www.q.r',
      '1.evil.de',
      'a@b.c',
    ])
  })
})
