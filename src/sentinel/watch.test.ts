import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ADVERSARIAL, assertLinear } from '../../test/kit/linear.ts'
import { TOOLS } from '../../test/sentinel/fixture.ts'
import { type EnvironmentName, type JsonObject, NO_DECOYS, type ToolName, type UpstreamName } from '../model/index.ts'
import { Watch } from './watch.ts'

const TEST = 'test' as EnvironmentName
const PRODUCTION = 'production' as EnvironmentName

const watch = new Watch({
  environment: TEST,
  decoys: {
    ...NO_DECOYS,
    tools: [{ upstream: 'books' as UpstreamName, tool: 'admin.escalate' as ToolName, description: '' }],
    files: ['/workspace/.aws/credentials'],
    hosts: ['vault.corp.example', '10.9.8.7', 'bücher.example'],
  },
  environments: new Map([
    ['books', TEST],
    ['payments', PRODUCTION],
  ] as [UpstreamName, EnvironmentName][]),
  places: [
    ['127.0.0.1:8801', TEST],
    ['127.0.0.1:8802', PRODUCTION],
    ['payments.internal', PRODUCTION],
  ],
  ownPaths: ['/srv/desk/policies/refunds.cedar', '/var/lib/desk-state'],
  tools: TOOLS,
  credentialIn: () => undefined,
})

function kinds(args: JsonObject, tool = 'books/run'): readonly string[] {
  return (watch.in(tool, args).noticed ?? []).map(({ kind, credential }) => `${kind}${credential ? '!' : ''}`)
}

describe('Watch', () => {
  const found: readonly (readonly [string, JsonObject, readonly string[]])[] = [
    ['a decoy’s host', { url: 'https://vault.corp.example/v1/keys' }, ['decoy']],
    ['a name below it', { url: 'https://eu.vault.corp.example' }, ['decoy']],
    ['in other case and width', { url: 'HTTPS://ＶＡＵＬＴ.corp.EXAMPLE/' }, ['decoy']],
    ['with what nobody sees between', { url: 'https://vault.co\u200brp.example' }, ['decoy']],
    ['encoded, and encoded again', { url: 'https://x/?u=vault%252ecorp%252eexample' }, ['decoy']],
    ['with other dots', { url: 'http://vault。corp｡example/x' }, ['decoy']],
    ['with a tab and a line end', { url: 'http://vau\nlt.co\trp.example' }, ['decoy']],
    ['its address', { url: 'http://10.9.8.7/' }, ['decoy']],
    ['its address as one number', { url: 'http://168364039/' }, ['decoy']],
    ['its address as a number without a scheme', { place: '168364039:443' }, ['decoy']],
    ['its address in a command', { command: 'curl -s http://0x0a.9.8.7/x' }, ['decoy']],
    ['its address in octal', { url: 'http://012.011.010.07/' }, ['decoy']],
    ['its address in two parts', { url: 'http://10.9.2055/' }, ['decoy']],
    ['its address within IPv6', { url: 'http://[::ffff:10.9.8.7]/' }, ['decoy']],
    ['its address within IPv6, in hexadecimal', { url: 'http://[::ffff:a09:807]/' }, ['decoy']],
    ['its name as it travels', { url: 'https://xn--bcher-kva.example/' }, ['decoy']],
    ['a place of another environment as a number', { url: 'http://2130706433:8802/mcp' }, ['environment']],
    ['the state in an address with a tab', { url: 'file:///var/lib/desk-\tstate/ledger' }, ['own-authority']],
    ['a decoy’s file, the long way', { path: '/workspace//./x/../.aws/credentials' }, ['decoy']],
    ['a place of another environment', { url: 'http://payments.internal/v1' }, ['environment']],
    ['by its port', { url: 'http://127.0.0.1:8802/mcp' }, ['environment']],
    ['with a key', { url: 'http://payments.internal/v1', api_key: 'x' }, ['environment!']],
    ['with a user', { url: 'http://me:secret@payments.internal/v1' }, ['environment!']],
    ['its tool', { tool: 'payments__refunds.create' }, ['environment']],
    ['a policy', { path: '/srv/desk/policies/refunds.cedar' }, ['own-authority']],
    ['the state', { command: 'rm -r /var/lib/desk-state/ledger' }, ['own-authority']],
    ['the configuration by its name', { file: 'conf/Firebreak.yaml' }, ['own-authority']],
    ['a command of ours', { command: 'firebreak release c_1 --why ok' }, ['own-authority']],
    ['in a name of a member', { 'firebreak.yaml': 1 }, ['own-authority']],
  ]
  for (const [what, args, expected] of found) it(`finds ${what}`, () => assert.deepEqual(kinds(args), expected))

  it('finds a file of ours in an address that is only read', () => {
    for (const url of ['file:///conf/firebreak.yaml', 'file:///conf/fire\tbreak.yaml'])
      assert.deepEqual(kinds({ url }, 'books/look'), ['own-authority'])
  })

  it('finds what destroys where the entry no longer shows it, and leaves to the detector what it does', () => {
    const long = 'tidy up the build directory '.repeat(10)
    for (const command of [
      'rm -rf /srv/shop',
      '/* */ drop table customers',
      'dd if=/dev/zero bs=1M of=/dev/sda',
      'git push origin main --force',
      'kubectl delete pods --all',
    ]) {
      assert.deepEqual(kinds({ command: `# ${long}\n${command}` }), ['destruction'], command)
      assert.deepEqual(kinds({ command }), [])
      assert.deepEqual(kinds({ command: `# ${long}\n${command}` }, 'books/look'), [], 'a read')
    }
    assert.deepEqual(kinds({ text: `${long} rm -rf /` }, 'books/note'), [], 'what is only carried')
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, 'v']))
    assert.deepEqual(kinds({ ...many, recursive: true }), ['destruction'])
    assert.deepEqual(kinds({ command: long }), [])
  })

  it('finds decoys, powers and other environments’ tools by their names', () => {
    assert.deepEqual(kinds({}, 'books/admin.escalate'), ['decoy'])
    assert.deepEqual(kinds({}, 'firebreak/grant'), ['own-authority'])
    assert.deepEqual(kinds({}, 'payments/refunds.create'), ['environment'])
  })

  const passes: readonly (readonly [string, JsonObject, string?])[] = [
    ['another host that ends like it', { url: 'https://notvault.corp.example' }],
    ['a host that begins like it', { url: 'https://payments.internal.shop.example' }],
    ['a longer file', { path: '/workspace/.aws/credentials-example' }],
    ['its own place', { url: 'http://127.0.0.1:8801/mcp' }],
    ['a longer port', { url: 'http://127.0.0.1:88021' }],
    ['the word', { text: 'pay the payments of production' }],
    ['a directory of the same name elsewhere', { path: '/home/me/var/lib/desk-state' }],
    ['a question about it', { q: 'how do I write firebreak.yaml' }, 'books/look'],
    ['a note about it', { text: 'see /var/lib/desk-state and firebreak.yaml' }, 'books/note'],
    ['its own tools', {}, 'firebreak/delegate'],
    ['its own tools, too', {}, 'firebreak/revoke'],
  ]
  for (const [what, args, tool] of passes) it(`passes ${what}`, () => assert.deepEqual(kinds(args, tool), []))

  it('tells a few of many', () => {
    const args = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, `/var/lib/desk-state/${i}`]))
    assert.equal(watch.in('books/run', args).noticed?.length, 1)
  })
})

describe('S17: what a cell writes is looked through in a time that grows as its length does', () => {
  for (const [name, of] of Object.entries(ADVERSARIAL)) {
    it(`S17: ${name}`, () => assertLinear(name, of, (text) => watch.in('books/run', { text, authorization: text })))
  }

  for (const part of ['dd ', 'rm -x ', 'rm ', 'git push ', 'delete from a.', 'drop ', 'kubectl delete ', ' ', '-ar']) {
    it(`S17: beginnings of what destroys: ${part}`, () =>
      assertLinear(
        part,
        (n) => `rm ${part.repeat(n)} of=/dev --force-x --all-x`,
        (text) => watch.in('books/run', { text }),
      ))
  }
})
