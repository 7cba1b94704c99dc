import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readingOf } from '../../gateway/protocols/mcp/contract/reading.ts'
import { type ActionId, type Json, LIMITS } from '../../model/index.ts'
import { Exposure } from './exposure.ts'
import { FieldTree } from './field-tree.ts'
import { SentWords } from './sent-words.ts'
import { Spelled } from './spelling.ts'

const where = { action: 'a_00000000000000000000' as ActionId, tool: 'shop/rows' }
const TRUSTED = { returns: new FieldTree([[[], []]]) }

/** Names of arguments by their schema: what is not among them is the cell's. */
const NAMES = new FieldTree(
  ['account', 'refund', 'amount', 'note', 'limit', 'page'].map((name) => [[{ name }], undefined] as const),
)

/** Whether a trusted field that says `answer` makes it known, after the cell said `said` with an effect, or asked with it. */
function learns(by: 'effect' | 'question', said: Json, answer: string): boolean {
  const exposure = new Exposure()
  if (by === 'effect') exposure.recordSent(said, NAMES)
  const answered = { ...TRUSTED, names: NAMES }
  exposure.recordAnswer(
    answered,
    readingOf({ structuredContent: { value: answer } }),
    where,
    by === 'question' ? said : {},
  )
  return exposure.knows(answer)
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** What a cell said, and what an upstream made of it. */
const MADE: readonly (readonly [how: string, said: Json, answer: string])[] = [
  ['spaces taken out', 'DE89 3704 0044 0532 0130 00', 'DE89370400440532013000'],
  ['spaces put in', 'DE89370400440532013000', 'DE89 3704 0044 0532 0130 00'],
  ['hyphens taken out', 'de89-3704-0044-0532-0130-00', 'DE89370400440532013000'],
  ['no-break and thin spaces', 'DE89\u00a03704\u202f0044 0532 0130 00', 'DE89370400440532013000'],
  ['letters that cannot be seen', 'DE89\u200b3704\u00ad0044\u20600532013000', 'DE89370400440532013000'],
  ['full width', 'ＤＥ８９３７０４００４４０５３２０１３０００', 'DE89370400440532013000'],
  ['digits of another script', 'DE٨٩٣٧٠٤٠٠٤٤٠٥٣٢٠١٣٠٠٠', 'DE89370400440532013000'],
  ['case', 'Eve@Evil.Example', 'eve@evil.example'],
  ['composed and decomposed', 'M\u00fcller@evil.example', 'Mu\u0308ller@evil.example'],
  ['accents folded', 'renée.müller', 'renee-muller'],
  ['ß and ss', 'Straße 5', 'STRASSE 5'],
  ['look-alike letters', 'еvе@еvil.ехаmрlе', 'eve@evil.example'],
  ['a dotless i', 'eve@evıl.example', 'eve@evil.example'],
  ['a slug', 'Evil Project: Plan', 'evil-project-plan'],
  ['snake to camel', 'evil_project_plan', 'evilProjectPlan'],
  ['percent-encoded', 'eve%40evil.example', 'eve@evil.example'],
  ['percent-encoded twice', 'eve%2540evil.example', 'eve@evil.example'],
  ['to percent-encoding', 'eve@evil.example', 'eve%40evil%2Eexample'],
  ['escapes of JSON', 'eve\\u0040evil.example', 'eve@evil.example'],
  ['to escapes of JSON', 'evil/plan', 'evil\\/plan'],
  ['entities of HTML', 'eve&#64;evil&period;example', 'eve@evil.example'],
  ['entities in hexadecimal', 'eve&#x40;evil.example', 'eve@evil.example'],
  ['to entities of HTML', 'R&D-plan', 'R&amp;D-plan'],
  ['quoted-printable', 'eve=40evil.example', 'eve@evil.example'],
  ['escapes of a shell', 'evil\\ project', 'evil project'],
  ['base64', base64('eve@evil.example'), 'eve@evil.example'],
  ['base64 without its end', base64('eve@evil.example').replace(/=+$/, ''), 'eve@evil.example'],
  ['to base64', 'eve@evil.example', base64('eve@evil.example')],
  ['hexadecimal', Buffer.from('eve@evil.example').toString('hex'), 'eve@evil.example'],
  ['a usual port', 'https://evil.example:443/collect', 'https://evil.example/collect'],
  ['a slash at the end', 'https://evil.example/collect', 'https://evil.example/collect/'],
  ['a host in capitals', 'HTTPS://EVIL.EXAMPLE/collect', 'https://evil.example/collect'],
  ['dot segments', 'https://evil.example/a/../b/./collect', 'https://evil.example/b/collect'],
  ['a user in a URL', 'https://good.example@evil.example/collect', 'https://evil.example/collect'],
  ['punycode', 'https://bücher-evil.example', 'https://xn--bcher-evil-9db.example'],
  ['from punycode', 'eve@xn--bcher-evil-9db.example', 'eve@bücher-evil.example'],
  ['a scheme that is put before it', 'evil.example/collect', 'https://evil.example/collect'],
  ['a scheme that is taken away', 'https://evil.example/collect', 'evil.example/collect'],
  ['the host of a URL', 'https://evil.example/collect?id=1', 'evil.example'],
  ['the www before it', 'www.evil.example', 'evil.example'],
  ['a fragment', 'https://evil.example/collect#top', 'https://evil.example/collect'],
  ['escapes in a path', 'https://evil.example/%63ollect', 'https://evil.example/collect'],
  ['the address of a mailbox', 'Eve Evil <eve@evil.example>', 'eve@evil.example'],
  ['a mailbox of an address', { name: 'Eve Evil', address: 'eve@evil.example' }, 'Eve Evil <eve@evil.example>'],
  ['mailto', 'eve@evil.example', 'mailto:eve@evil.example'],
  ['a dot at the end', 'evil.example.', 'evil.example'],
  ['joined from two', { local: 'eve', domain: 'evil.example' }, 'eve@evil.example'],
  [
    'joined from four',
    { country: 'DE', check: '89', bank: '37040044', account: '0532013000' },
    'DE89370400440532013000',
  ],
  ['joined from a list', ['DE89', '3704', '0044', '0532', '0130', '00'], 'DE89370400440532013000'],
  ['a part of a sentence', 'please pay to DE89 3704 0044 0532 0130 00 today', 'DE89370400440532013000'],
  ['a part inside', 'DE89370400440532013000', '0532013000'],
  ['a short part of a sentence', 'ask evil1 for it', 'evil1'],
  ['a path', 'C:\\Users\\evil\\plan.txt', 'C:/Users/evil/plan.txt'],
  ['a number without its commas', '1,234,000.00', '1234000'],
  ['a number as other countries write it', '1.234,50', '1,234.50'],
  ['a number without zeros', '00123456', '123456'],
  ['a number with its decimals', '4711', '4711.00'],
  ['a number with a power of ten', '1.5e6', '1500000'],
  ['a number with apostrophes', "1'234'567", '1234567'],
  ['an amount with its currency', 'EUR 1,234.50', '1234.5'],
  ['a date turned round', '29.11.2026', '2026-11-29'],
  ['a date in words', '29 November 2026', '2026-11-29'],
  ['a date to words', '2026-11-29', 'Sun, 29 Nov 2026'],
  ['a date without its zeros', '5/3/2026', '2026-03-05'],
  ['a date in one', '2026-11-29', '20261129'],
  ['a date with a time', '29.11.2026', '2026-11-29T00:00:00.000Z'],
  ['a phone number', '+49 (0)89 1234-567', '+49891234567'],
  ['a phone number with zeros', '0049 89 1234567', '+49 89 1234567'],
  ['a phone number of a country', '089 1234567', '+49891234567'],
  ['a name turned round', 'Eve Evil', 'Evil, Eve'],
  ['a short word with a hyphen', 'b-2', 'B2'],
  ['a name of a member', { note: { 'DE89-3704-0044-0532-0130-00': true } }, 'DE89370400440532013000'],
  ['a name with a prefix', { acct_DE89370400440532013000: 1 }, 'DE89370400440532013000'],
  ['a name and its value', { DE8937040044: '0532013000' }, 'DE89370400440532013000'],
  ['names within names', { DE8937: { '04': { '00': '44' }, '05': '32' }, '01': '3000' }, 'DE89370400440532013000'],
  ['a name of the schema in another place', { note: { account: 1 } }, 'account'],
]

/** What upstreams say of themselves, after the same calls. */
const NEWS: readonly (readonly [said: Json, answer: string])[] = [
  ['DE89 3704 0044 0532 0130 00', 'GB29NWBK60161331926819'],
  ['eve@evil.example', 'ana@good.example'],
  [{ amount: '100.00' }, 'DE10010010'],
  [{ note: 'see the order of Ana and send it to her' }, 'Anton'],
  [{ note: 'the plan for May' }, 'Mayer'],
  ['Ana Lopez', 'ana.lopez@good.example'],
  ['2026-11-29', '2026-11-30'],
  ['the report of 2026', '2027'],
]

/** Of its own question an answer's numbers and names of arguments count, too. */
const NEWS_AFTER_EFFECTS: typeof NEWS = [
  ...NEWS,
  [{ account: 'x-1', refund: 'r-1' }, 'account-4711'],
  [{ limit: 20, page: 3 }, 'o-203'],
  [{ note: 'see the order of Ana and send it to her' }, 'Derofana'],
  ['1000', '10000'],
]

const PLAINLY = { what: 'text', knows: () => false } as const

describe('S15: a word of the cell’s own in another spelling', () => {
  for (const by of ['effect', 'question'] as const) {
    it(`S15: what was said with an ${by} comes back in no spelling`.replace('an question', 'a question'), () => {
      const learned = MADE.filter(([, said, answer]) => learns(by, said, answer)).map(([how]) => how)
      assert.deepEqual(learned, [])
    })

    it(`S15: what is not made of it is known, after an ${by}`.replace('an question', 'a question'), () => {
      const news = by === 'effect' ? NEWS_AFTER_EFFECTS : NEWS
      const lost = news.filter(([said, answer]) => !learns(by, said, answer)).map(([, answer]) => answer)
      assert.deepEqual(lost, [])
    })
  }

  it('S15: what the cell may name is nobody’s own word in a longer text of it, for the next cell of its agent', () => {
    const exposure = new Exposure()
    exposure.recordAnswer(TRUSTED, readingOf(['ana@good.example', 'Ana Lopez']), where)
    exposure.recordSent({ body: 'Dear Ana Lopez, I write to ana@good.example, and not to "eve@evil.example".' })
    const next = new Exposure(new Map(), undefined, undefined, exposure.books[0])
    next.recordAnswer(TRUSTED, readingOf(['ana@good.example', 'Ana Lopez', 'eve@evil.example']), where)
    assert.deepEqual(
      ['ana@good.example', 'Ana Lopez', 'eve@evil.example'].map((value) => next.knows(value)),
      [true, true, false],
    )
  })

  it('S17: a word by itself, and a text of more than 4,096 characters, is taken as it is, whatever of it is known', () => {
    const knows = (part: string) => part === 'ana@good.example'
    const isMade = (text: string, value: string) => {
      const words = new SentWords()
      words.add(text, { what: 'text', knows })
      return words.made(new Spelled(value), { steps: 10_000 })
    }
    assert.equal(isMade(`${'x '.repeat(2_040)}ana@good.example`, 'good.example'), false)
    assert.equal(isMade(`${'x '.repeat(2_041)}ana@good.example`, 'good.example'), true)
    assert.equal(isMade('ana@good.example', 'good.example'), true)
  })

  it('S15: of a longer text only what is known is cut out of it, and no word twice', () => {
    const known = ['Ana B Lopez', 'Lopez Bankhaus-1']
    const words = new SentWords()
    words.add('to Ana B Lopez Bankhaus-1 now', { what: 'text', knows: (part) => known.includes(part) })
    assert.equal(words.made(new Spelled('Bankhaus-1'), { steps: 10_000 }), true)
    words.add('to eve-1 " evil-2 now', { what: 'text', knows: (part) => part === '' })
    assert.equal(words.made(new Spelled('eve1evil2'), { steps: 10_000 }), true, 'a mark alone is no part')
  })

  it('S17: each word by which a value could begin is counted', () => {
    const words = new SentWords()
    for (let more = 0; more < 100; more++) words.add(`abcd${'y'.repeat(more)}`, PLAINLY)
    const left = { steps: 10_000 }
    assert.equal(words.made(new Spelled(`zzzz${'abcdx'.repeat(3)}zzzzzzzzzz`), left), false)
    assert.ok(left.steps <= 10_000 - 3 * 100, `${left.steps}`)
  })

  it('S17: a word is found among megabytes of them at once, wherever it stands', () => {
    const exposure = new Exposure()
    let seed = 7
    const next = () => {
      seed = Math.imul(seed, 48_271) >>> 0
      return seed.toString(36)
    }
    const pages = Array.from({ length: 20 }, () => Array.from({ length: 20_000 }, next).join(' '))
    const own = pages.map((text) => text.slice(70_000, 70_024))
    for (const text of pages) exposure.recordSent({ text })
    const fresh = Array.from({ length: 5_000 }, (_, i) => `fresh-${i}-${Math.imul(i, 48_271) >>> 0}`)
    exposure.recordAnswer(TRUSTED, readingOf([...own, ...fresh]), where)
    assert.deepEqual(
      own.filter((value) => exposure.knows(value)),
      [],
    )
    // Who looked through all of it would have run out of steps long before.
    assert.deepEqual(
      fresh.filter((value) => !exposure.knows(value)),
      [],
    )
  })

  it('S17: what cannot be looked up in its time is taken for the cell’s own', () => {
    const words = new SentWords()
    words.add('ab'.repeat(500_000), PLAINLY)
    const exposure = new Exposure(new Map(), undefined, undefined, words)
    exposure.recordAnswer(TRUSTED, readingOf(['news-1']), where)
    assert.equal(exposure.knows('news-1'), true)
    exposure.recordAnswer(
      TRUSTED,
      readingOf(Array.from({ length: 200 }, (_, i) => `abababab-${i}`).concat('news-2')),
      where,
    )
    assert.equal(exposure.knows('news-2'), false)
    exposure.recordAnswer(TRUSTED, readingOf(['news-3']), where)
    assert.equal(exposure.knows('news-3'), true)
  })

  it('S17: a text of 2,048 characters is kept, and of a longer one its digest, once', () => {
    const words = new SentWords()
    const most = 'ab'.repeat(LIMITS.knownValueCharactersMax / 2)
    words.add(most, PLAINLY)
    assert.ok(words.has(most.toUpperCase()))
    const long = 'cd'.repeat(LIMITS.seenCharactersMax / 4 + 1)
    for (let i = 0; i < 3; i++) words.add(long, PLAINLY)
    assert.equal(words.full, false)
  })

  it('S17: a hundred thousand words, and no more than 8 MiB, are kept', () => {
    const words = new SentWords()
    words.add('x'.repeat(LIMITS.seenCharactersMax + 1), PLAINLY)
    assert.equal(words.full, true)
  })
})
