import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { environmentName, upstreamName } from '../../model/index.ts'
import { readSecrets } from './secrets.ts'

const directory = mkdtempSync(join(tmpdir(), 'firebreak-secrets-'))
after(() => rmSync(directory, { recursive: true, force: true }))

/** A configuration with one secret that two upstreams of `test` name, and another one's of `production`. */
async function reading(source: object, msMax?: number) {
  const header = (name: string) => ({ url: 'https://a.example/', headers: { authorization: `\${secret:${name}}` } })
  const config = {
    environments: { test: {}, production: {} },
    upstreams: {
      a: { environment: 'test', mcp: header('key') },
      b: { environment: 'test', mcp: { command: ['server'], cell: { env: { KEY: '${secret:key}' } } } },
      c: { environment: 'production', mcp: { url: 'https://c.example/', headers: { k: '${secret:other}' } } },
    },
    agents: {},
    secrets: { key: source, other: { command: ['/bin/sh', '-c', 'touch other-was-read; echo other-secret'] } },
  }
  const file = join(directory, 'firebreak.yaml')
  writeFileSync(file, JSON.stringify(config))
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return readSecrets(loaded.value, environmentName('test'), msMax)
}

async function reasonOf(script: string, msMax?: number): Promise<string> {
  const { without } = await reading({ command: ['/bin/sh', '-c', script] }, msMax)
  assert.deepEqual([...without.keys()], ['a', 'b'])
  const reason = without.get(upstreamName('a')) ?? ''
  assert.doesNotMatch(reason, /s3cr3t/)
  return reason
}

describe('S10: a secret that a command says', () => {
  it('is what it says, less the white space around it; it runs once, with nothing of our environment, and no other one is read', async () => {
    process.env.FIREBREAK_TEST_LEAK = 'inherited'
    const script = 'echo run >> runs; printf "\\t%s %s\\r\\n\\n" s3cr3t-value "$FIREBREAK_TEST_LEAK"'
    const read = await reading({ command: ['sh', '-c', script] })
    assert.deepEqual([...read.without], [])
    assert.deepEqual([...read.values], [['key', 's3cr3t-value']])
    assert.equal(readFileSync(join(directory, 'runs'), 'utf8'), 'run\n')
    assert.throws(() => readFileSync(join(directory, 'other-was-read')))
  })

  it('is without the white space around it in a file as well', async () => {
    writeFileSync(join(directory, 'kept'), '\r\n s3cr3t-value \t\n')
    const read = await reading({ file: 'kept' })
    assert.deepEqual([...read.values], [['key', 's3cr3t-value']])
  })

  it('what goes wrong is told, and nothing that it said', async () => {
    assert.match(await reasonOf('echo s3cr3t; echo s3cr3t >&2; exit 3'), /"key" cannot be read: \/bin\/sh ended with 3/)
    assert.match(await reasonOf('echo s3cr3t; kill -TERM $$'), /ended with SIGTERM/)
    assert.match(await reasonOf('printf s3cr3t; sleep 30 & sleep 30', 200), /took longer than 200 ms/)
    assert.match(await reasonOf('head -c 70000 /dev/zero'), /more than 65536 bytes/)
    assert.match(await reasonOf('printf "s3cr3t\\377"'), /not UTF-8/)
    assert.match(await reasonOf('true'), /is empty/)
    const missing = await reading({ command: ['/no/such/program', 's3cr3t'] })
    assert.match(missing.without.get(upstreamName('a')) ?? '', /\/no\/such\/program cannot be run \(ENOENT\)$/)
  })
})
