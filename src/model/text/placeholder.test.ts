import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasStrayPlaceholder, placeholdersIn, replaced } from './placeholder.ts'

const names = (text: string, carrier: 'text' | 'url' = 'text') => placeholdersIn(text, carrier).map(({ name }) => name)

describe('placeholders', () => {
  it('are found as they are written, and in a URL as its path has them', () => {
    assert.deepEqual(names('Bearer ${secret:shop}, ${secret:b-2}'), ['shop', 'b-2'])
    const { href } = new URL('https://a.example/${secret:shop}/x?k=${secret:b-2}')
    assert.deepEqual(names(href, 'url'), ['shop', 'b-2'])
    assert.deepEqual(names('$%7Bsecret:shop%7D'), [], 'no other text has percents')
  })

  it('are filled in by what is found and nothing else, once', () => {
    const value = (name: string) => `<${name} \${secret:other}>`
    assert.equal(
      replaced('a ${secret:shop} $%7Bsecret:shop%7D', 'text', value),
      'a <shop ${secret:other}> $%7Bsecret:shop%7D',
    )
    assert.equal(
      replaced('h/$%7Bsecret:shop%7D', 'url', () => 'a/b'),
      'h/a%2Fb',
    )
  })

  it('S10: are none in another spelling, which is told', () => {
    const strays: readonly string[] = [
      '$%7bsecret:shop%7d',
      '$%7bsecret:shop%7D',
      '%24%7Bsecret:shop%7D',
      '%2524%257Bsecret:shop%257D',
      '${SECRET:shop}',
      '${Secret:shop}',
      '${secret:Shop}',
      '${secret:}',
      '${secret: shop}',
      '$ {secret:shop}',
      '${secret:shop',
      '${sec${secret:shop}ret:shop}',
      '${secret:${secret:shop}}',
      '${secret:shop%7D',
      '＄｛secret：shop｝',
      `\${secret:${'x'.repeat(49)}}`,
    ]
    for (const text of strays) {
      assert.ok(hasStrayPlaceholder(text), text)
      assert.ok(hasStrayPlaceholder(new URL(`https://a.example/?k=${text}`).href, 'url'), `in a URL: ${text}`)
    }
    assert.ok(hasStrayPlaceholder('$%7Bsecret:shop%7D'))
    for (const text of ['Bearer ${secret:shop}', '${SECRET:-none}', 'secret:shop', '$SECRET', '${HOME}', '50%']) {
      assert.ok(!hasStrayPlaceholder(text), text)
      assert.ok(!hasStrayPlaceholder(text, 'url'), text)
    }
  })
})
