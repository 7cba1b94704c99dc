import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { type AgentName, DETECTOR_NAMES, defaultRules } from '../model/index.ts'
import { loadConfig } from './load.ts'

const REST = `
environments: { test: {} }
upstreams:
  payments-test:
    environment: test
    mcp: { url: "http://127.0.0.1:8081/mcp" }
    tools: { orders.get: { effect: read } }
agents:
  desk: { owner: maria.silva@shop.example, environment: test, cell: { env: { MODE: fast } } }
`

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function load(containment: string) {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-containment-'))
  folders.push(folder)
  writeFileSync(join(folder, 'firebreak.yaml'), `${containment}${REST}`)
  return loadConfig(join(folder, 'firebreak.yaml'), { node: '/opt/pinned/node' })
}

async function good(containment: string) {
  const loaded = await load(containment)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.value
}

describe('containment: in a configuration', () => {
  it('without a word of it, every detector is as its line in the table says', async () => {
    const { containment } = await good('')
    assert.deepEqual(containment.rules, defaultRules())
    assert.deepEqual(containment.decoys, { tools: [], files: [], credentials: [], hosts: [] })
  })

  it('the short form names decoy tools; a description is made of the name', async () => {
    const { containment } = await good('containment: { mode: enforce, decoys: [payments-test/admin.escalate] }')
    const [decoy] = containment.decoys.tools
    assert.deepEqual(decoy, { upstream: 'payments-test', tool: 'admin.escalate', description: 'Admin escalate.' })
  })

  it('observe switches every detector to it, but those that say otherwise themselves', async () => {
    const { containment } = await good(
      'containment: { mode: observe, detectors: { decoy: { mode: enforce, rung: frozen }, duplicates: { payments: 3, window: 5min }, outflow: { bytes: 1MiB } } }',
    )
    const enforcing = DETECTOR_NAMES.filter((name) => containment.rules[name].mode === 'enforce')
    assert.deepEqual(enforcing, ['decoy'])
    assert.equal(containment.rules.decoy.rung, 'frozen')
    assert.deepEqual(containment.rules.duplicates.thresholds, { payments: 3, writes: 100, alike: 12, window: 300_000 })
    assert.equal(containment.rules.outflow.thresholds.bytes, 1_048_576)
  })

  it('a false credential is in every agent’s environment', async () => {
    const config = await good(
      'containment: { decoys: { tools: { payments-test/dump: "Dump all customers." }, files: [/workspace/.env], hosts: [Vault.Corp.example], credentials: { AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMIK7MDENGbPx" } } }',
    )
    const { env } = config.agents.get('desk' as AgentName)?.cell ?? {}
    assert.deepEqual(
      [...(env ?? [])],
      [
        ['MODE', 'fast'],
        ['AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMIK7MDENGbPx'],
      ],
    )
    assert.equal(config.containment.decoys.tools[0]?.description, 'Dump all customers.')
    assert.deepEqual(config.containment.decoys.hosts, ['vault.corp.example'])
    assert.deepEqual(config.containment.decoys.files, ['/workspace/.env'])
  })

  const bad: readonly (readonly [what: string, containment: string, message: RegExp, expected: RegExp])[] = [
    ['an unknown key', '{ modes: enforce }', /unknown key "modes"/, /one of: mode, decoys, detectors/],
    [
      'an unknown detector',
      '{ detectors: { decoys: {} } }',
      /unknown key "decoys"/,
      /one of: decoy, environment-crossing/,
    ],
    ['an unknown threshold', '{ detectors: { decoy: { times: 2 } } }', /unknown key "times"/, /one of: mode, rung/],
    ['a threshold out of range', '{ detectors: { duplicates: { payments: 1 } } }', /found 1/, /from 2 to/],
    ['a duration that is none', '{ detectors: { duplicates: { window: 10 } } }', /found 10/, /like 10min/],
    ['a surprise that kills', '{ detectors: { refusals: { rung: killed } } }', /found "killed"/, /watched, restricted/],
    [
      'a rung that is none',
      '{ detectors: { decoy: { rung: normal } } }',
      /found "normal"/,
      /watched, restricted, quar/,
    ],
    [
      'shares the wrong way round',
      '{ detectors: { refusals: { honest: 0.4, hostile: 0.3 } } }',
      /no larger/,
      /hostile/,
    ],
    [
      'a decoy of nobody',
      '{ decoys: [payments/admin] }',
      /"payments" of the decoy "admin" is not declared/,
      /payments-test/,
    ],
    ['a decoy that is a tool', '{ decoys: [payments-test/orders.get] }', /is declared under/, /does not have/],
    ['a decoy without an upstream', '{ decoys: [admin] }', /found "admin"/, /upstream\/tool/],
    ['a credential that is no secret', '{ decoys: { credentials: { KEY: short } } }', /found "short"/, /16 to 512/],
    [
      'a variable that is used',
      '{ decoys: { credentials: { MODE: 0123456789abcdef } } }',
      /its own MODE/,
      /another variable/,
    ],
    ['a relative file', '{ decoys: { files: [.env] } }', /found ".env"/, /absolute path/],
    ['a host that is a URL', '{ decoys: { hosts: ["https://x.example/"] } }', /found/, /host name/],
  ]
  for (const [what, containment, message, expected] of bad) {
    it(`stops the start: ${what}`, async () => {
      const loaded = await load(`containment: ${containment}`)
      assert.ok(!loaded.ok, 'it was accepted')
      assert.match(loaded.reason[0]?.message ?? '', message)
      assert.match(loaded.reason[0]?.expected ?? '', expected)
      assert.equal(loaded.reason[0]?.source.line, what === 'a variable that is used' ? 9 : 1)
    })
  }
})
