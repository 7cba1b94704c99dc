import assert from 'node:assert/strict'
import process from 'node:process'
import { it } from 'node:test'
import { writeConfig } from '../../../test/kit/config-text.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import { environmentName } from '../../model/index.ts'
import { otherSecret, ownSecrets } from './own-secrets.ts'

const TEST = environmentName('test')

it('S10: a secret of a person’s own process is told from the host’s, and not said to it', async () => {
  const headers = { 'x-key': '${secret:key}', 'x-file': '${secret:kept}' }
  const config = writeConfig(temporaryDirectory(), {
    environments: { test: {}, live: {} },
    upstreams: {
      desk: { mcp: { url: 'https://desk.example/mcp', headers } },
      book: { environment: 'live', mcp: { url: 'https://book.example/mcp', headers: { k: '${secret:other}' } } },
    },
    agents: {},
    secrets: { key: { env: 'PAY_KEY' }, kept: { file: 'kept' }, other: { env: 'BOOK_KEY' } },
  })
  const loaded = await loadConfig(config, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const of = (variables: Record<string, string>) => ownSecrets(loaded.value, TEST, variables)
  const host = { PAY_KEY: 'production-key' }
  const why = (variables: Record<string, string>, here = host) => otherSecret(loaded.value, TEST, of(variables), here)

  assert.deepEqual(
    Object.keys(of({ PAY_KEY: 'a', BOOK_KEY: 'b', HOME: 'c' })),
    ['key'],
    'its environment’s, and no more',
  )
  assert.match(of(host).key ?? '', /^[0-9a-f]{64}$/)
  assert.equal(why(host), undefined)
  assert.equal(why({}), undefined, 'whoever has none goes by the host’s')
  assert.match(why({ PAY_KEY: 'sandbox-key' }) ?? '', /"key" is in PAY_KEY here, and the host was started with another/)
  assert.match(why({ PAY_KEY: 'sandbox-key' }, {} as typeof host) ?? '', /the host does not have it/)
  for (const words of [why({ PAY_KEY: 'sandbox-key' }), JSON.stringify(of({ PAY_KEY: 'sandbox-key' }))])
    assert.doesNotMatch(words ?? '', /sandbox-key|production-key/)
})
