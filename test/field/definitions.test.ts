/** Servers whose definitions are odd in a part, or other ones at each start, as a person meets them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { firebreak, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const FILES = { ...NODE_CELL.files, '/opt/field': join(repository, 'test/field') }
const MARIA = ['--as', 'maria.silva@shop.example']

function shop(way: string, tools: readonly string[]) {
  const directory = temporaryDirectory()
  const mcp = { command: ['/opt/node', '/opt/field/shop-server.ts', way], cell: { files: FILES } }
  const config = writeConfig(directory, {
    upstreams: { shop: { mcp, tools: Object.fromEntries(tools.map((name) => [name, 'read' as const])) } },
    agents: { alpha: { cell: { files: FILES } } },
  })
  const state = join(directory, 'state')
  return {
    accepted: join(directory, 'firebreak.accepted.json'),
    accept: (...more: string[]) => firebreak(['accept', '-c', config, ...MARIA, ...more]),
    doctor: () => firebreak(['doctor', '-c', config]),
    run: (...calls: string[]) =>
      firebreak([
        'run',
        '-c',
        config,
        '--state',
        state,
        '-a',
        'alpha',
        '--',
        '/opt/node',
        '/opt/field/shop-agent.ts',
        ...calls,
      ]),
    logs: () => firebreak(['logs', '-c', config, '--state', state]),
  }
}

describe('a server of which some tools cannot be taken', { skip: SKIP }, () => {
  it('loses those and no others, and accept, doctor, the run and the log say which and why', async () => {
    const { accept, accepted, doctor, run, logs } = shop('faulty', [
      'stock',
      'int64',
      'tuple',
      'large',
      'ahead',
      'broken',
    ])
    const first = await accept('--yes')
    assert.equal(first.code, 1)
    assert.match(first.stdout, /^4 accepted by maria\.silva@shop\.example/m)
    assert.match(first.stdout, /^2 cannot be accepted, and nobody may use them:/m)
    assert.match(first.stdout, /^ {2}shop\/ahead: its input schema cannot be checked: /m)
    assert.match(first.stdout, /^ {2}shop\/broken: it cannot be read: not JSON: NaN at "default"/m)
    assert.match(readFileSync(accepted, 'utf8'), /"maximum": 9223372036854775807/)

    const told = await doctor()
    assert.match(told.stdout, /NO +upstream shop +ahead cannot be accepted as it was offered last: its input schema/)
    assert.match(told.stdout, /NO +upstream shop +broken cannot be accepted as it was offered last: it cannot be read/)
    assert.doesNotMatch(told.stdout, /nobody has accepted/)

    const ran = await run('stock')
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /^tools int64,large,stock,tuple$/m)
    assert.match(ran.stderr, /shop: of its tools, "broken" cannot be read: not JSON: NaN at "default"/)
    assert.match((await logs()).stdout, /shop: its tools are not whole: "broken" cannot be read: not JSON: NaN/)
  })
})

describe('a server whose definitions are other ones at each start', { skip: SKIP }, () => {
  it('is the same in the order of its sets; in its words only for whoever accepts it without them', async () => {
    const { accept, run } = shop('restless', ['order', 'clock'])
    assert.equal((await accept('--yes')).code, 0)
    const changed = await accept('--dry-run')
    assert.equal(changed.code, 4)
    assert.doesNotMatch(changed.stdout, /shop\/order/)
    assert.match(
      changed.stdout,
      /^~ shop\/clock\n {4}description\n {6}- … as it is at \d+-\d+ here\n {6}\+ … as it is at \d+-\d+ here$/m,
    )
    assert.match(changed.stdout, /only its descriptions differ; .*--without-descriptions --tool clock/)

    const changedIn = await run()
    assert.match(changedIn.stdout, /^tools order$/m)
    assert.match(
      changedIn.stderr,
      /shop\/clock was left out: its descriptions have changed since it was accepted: .*--without-descriptions --tool clock/,
    )

    const without = await accept('--yes', '--without-descriptions', '--tool', 'clock')
    assert.equal(without.code, 0, without.stdout)
    assert.match((await accept('--dry-run')).stdout, /Nothing has changed since it was accepted/)
    const ran = await run('order', 'clock')
    assert.match(ran.stdout, /^tools clock,order$/m)
    assert.match(ran.stdout, /^clock .*structuredContent/m)
  })
})
