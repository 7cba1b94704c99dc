/** Both renderers, held against what a cell may have written: the same page, whatever stands where others speak. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CODE_POINT } from '../../../test/kit/texts.ts'
import type { Page } from './blocks.ts'
import { htmlOf } from './html.ts'
import { markdownOf } from './markdown.ts'
import { said, type Wording, w } from './wording.ts'

const ATTACKS = [
  '<script>alert(1)</script>',
  '</title><script>',
  '"><img src=x onerror=alert(1)>',
  '[click](javascript:alert(1))',
  '](javascript:alert(1)) ![x](https://evil.example/x.png)',
  '```\n# Contained.\n```',
  '`` ` ``` ` ``',
  '`',
  '```',
  '`````',
  ' ',
  '',
  '| a | b |\n| --- | --- |',
  '\\|`|\\`',
  'https://evil.example www.evil.example a@evil.example <https://evil.example>',
  '\u001b[2J\u001b]8;;https://evil.example\u0007x',
  '\u202egnp.exe',
  'one\r\n\n# Contained.\n- yes',
  '&lt;b&gt; &#60; &amp;',
  '\ud800 \u2028 \u0000 \u{e0041}',
  '*bold* _it_ ~~no~~ <!-- x --> ]]>',
]

/** Every place of a page where something of others can stand. */
function pageWith(text: string): Page {
  const about: Wording = w`one ${text} and ${text}.`
  return {
    title: w`Incident: ${text}`,
    warnings: [about],
    headline: { good: true, lines: [about, w`${text}`] },
    sections: [
      {
        title: 'A section',
        blocks: [
          { kind: 'text', text: about, tone: 'stop' },
          { kind: 'facts', facts: [['fact', about]] },
          { kind: 'list', items: [w`${text}`, about] },
          {
            kind: 'table',
            columns: ['a', 'b'],
            rows: [
              { cells: [w`${text}`, about], tone: 'plain' },
              { cells: [about, w``], tone: 'stop' },
            ],
          },
          { kind: 'lines', lines: [`x${text}`, `+${text}`, 'x'], language: 'diff' },
          { kind: 'lines', lines: [text, 'x'], language: 'text' },
          { kind: 'text', text: w`the end` },
        ],
      },
    ],
  }
}

/** CommonMark's own rule: a fence ends at a line of as many backticks; a code span at the next run of just as many. */
function withoutCode(markdown: string): string {
  return withoutFences(markdown).map(withoutSpans).join('\n')
}

function withoutFences(markdown: string): readonly string[] {
  const lines: string[] = []
  let fence: string | undefined
  for (const line of markdown.split('\n')) {
    if (fence === undefined && /^`{3,}\w*$/.test(line)) fence = /^`+/.exec(line)?.[0]
    else if (fence !== undefined && new RegExp(`^ {0,3}${fence}\`*\\s*$`).test(line)) fence = undefined
    else if (fence === undefined) lines.push(line)
  }
  return lines
}

function withoutSpans(line: string): string {
  let text = ''
  for (let at = 0; at < line.length; ) {
    const [run] = /^`+/.exec(line.slice(at)) ?? []
    if (run === undefined) {
      text += line[at++]
      continue
    }
    const rest = line.slice(at + run.length)
    const close = [...rest.matchAll(/`+/g)].find(([other]) => other.length === run.length)
    text += '<code>'
    at = close === undefined ? line.length : at + run.length + close.index + run.length
  }
  return text
}

/** The tags of a document with their attributes, in order, and none of what stands between them. */
function tagsOf(html: string): string {
  return html.replaceAll(/<style>[^<]*<\/style>/g, '').replaceAll(/>[^<]*</g, '><')
}

const hostile = fc.oneof(
  fc.constantFrom(...ATTACKS),
  fc
    .array(
      fc.constantFrom(
        '`',
        '|',
        '<',
        '>',
        '&',
        '"',
        "'",
        '[',
        '](',
        '\\',
        '\n',
        '\r',
        ' ',
        '~',
        '#',
        '=',
        '-',
        '\u202e',
        'x',
      ),
      {
        maxLength: 24,
      },
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: CODE_POINT, maxLength: 40 }),
)

describe('the page, as Markdown', () => {
  const plain = withoutCode(markdownOf(pageWith('x')))

  it('whatever others have written stands in code: without it, every page is the same', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const left = withoutCode(markdownOf(pageWith(text)))
        assert.equal(left.replaceAll('(nothing)', '<code>'), plain)
      }),
      { numRuns: 2_000 },
    )
  })

  it('no character of it is one that cannot be seen, and none begins a line', () => {
    for (const attack of ATTACKS) {
      const markdown = markdownOf(pageWith(attack))
      assert.doesNotMatch(
        markdown.replaceAll('\n', ''),
        /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u,
        JSON.stringify(attack),
      )
      assert.ok(!markdown.split('\n').includes('# Contained.'))
    }
  })

  it('a row of a table has as many cells as its head, whoever counts backslashes or does not', () => {
    for (const attack of ATTACKS)
      for (const line of withoutFences(markdownOf(pageWith(attack))).filter((each) => each.startsWith('| '))) {
        assert.equal(line.split(/(?<!\\)\|/).length, 4, line)
        assert.equal(line.split(/(?<!(?<!\\)\\(?:\\\\)*)\|/).length, 4, line)
      }
  })
})

describe('the page, as HTML', () => {
  const plain = tagsOf(htmlOf(pageWith('x')))

  it('whatever others have written makes no tag and no attribute: every page has the same', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        assert.equal(tagsOf(htmlOf(pageWith(text))), plain)
      }),
      { numRuns: 2_000 },
    )
  })

  it('it is shown as it was written, with what cannot be seen as its escape', () => {
    const shown = (text: string) =>
      /<li><span class="said">([^<]*)<\/span>/
        .exec(htmlOf(pageWith(text)))?.[1]
        ?.replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    assert.equal(shown('<script>alert("1")</script> & `x`'), '<script>alert("1")</script> & `x`')
    assert.equal(shown('a\u202eb\u001b[2Jc\n'), 'a\\u{202e}b\\u{1b}[2Jc\\u{a}')
  })

  it('fetches nothing and runs nothing: no script, no link, no address, and a policy that says so', () => {
    const html = htmlOf(pageWith('x'))
    assert.ok(
      html.includes(
        `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
      ),
    )
    assert.doesNotMatch(
      html,
      /<(?:script|link|img|a|iframe|object|form|base)\b|url\(|@import|https?:|\son\w+=|\sstyle=/i,
    )
  })
})

describe('what others have written', () => {
  it('is cut where it is long, and told as JSON where it is no text', () => {
    const [part] = [said('x'.repeat(1_000))]
    assert.ok(typeof part === 'object' && part.said.length === 401)
    assert.deepEqual(said({ a: 1 }), { said: '{"a":1}' })
    assert.deepEqual(said(undefined), { said: '' })
  })

  it('is told as an id only where it can be nothing else', () => {
    assert.equal(said('c_4f7r2mz0q8t1x5ka'), 'c_4f7r2mz0q8t1x5ka')
    for (const text of ['c_4f7r2mz0q8t1x5ka\n', 'c_contained', 'contained', 'x c_4f7r2mz0q8t1x5ka'])
      assert.deepEqual(said(text), { said: text })
  })
})
