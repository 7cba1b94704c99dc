/** Agents on the official clients, each in a cell, with a server on its standard streams in an upstream cell. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { JsonObject } from '../../src/model/index.ts'
import { fixtureUpstream } from '../conformance/fixture-grants.ts'
import { firebreak, ledgerOf, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const FILES = { '/opt/node': '${node}', '/opt/node_modules': join(repository, 'node_modules') }
/** The gateway's own, for a cell that delegates nothing. */
const OWN = ['firebreak__authority', 'firebreak__request']
const GRANTED = [
  'test_simple_text',
  'test_error_handling',
  'test_tool_with_progress',
  'test_x_mcp_header',
  'test_structured',
  'test_input_required_result_elicitation',
]

describe('official clients as agents in a cell', { skip: SKIP }, () => {
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  let config = ''

  before(async () => {
    const { tools = {}, resources = [], prompts = [] } = fixtureUpstream({ url: '' }, 'modern')
    const fixture = {
      mcp: {
        command: ['/opt/node', '/opt/conformance/fixture-server.ts', '--stdio'],
        cell: { files: { ...FILES, '/opt/conformance': join(repository, 'test/conformance') } },
      },
      tools,
      resources,
      prompts,
    }
    const grants = [{ upstream: 'fixture', tools: GRANTED, resources, prompts, expires: '1h' }]
    const agents = join(repository, 'test/e2e/agents')
    const python = { '/opt/site': join(directory, 'site') }
    config = writeConfig(directory, {
      upstreams: { fixture },
      agents: {
        typescript: { cell: { files: { ...FILES, '/opt/agents': agents } }, grants },
        python: { cell: { files: { ...python, '/opt/agents': agents }, env: { PYTHONPATH: '/opt/site' } }, grants },
      },
    })
    spawnSync('/bin/mkdir', ['-p', join(directory, 'site')])
    const accepted = await firebreak(['accept', '-c', config, '--as', 'maria.silva@shop.example', '--yes'])
    assert.equal(accepted.code, 0, accepted.stderr)
  })

  it('the official TypeScript client, in each of the three revisions', async () => {
    const command = ['--', '/opt/node', '/opt/agents/official-client.ts']
    const ran = await firebreak(['run', '-c', config, '-a', 'typescript', '--state', state, ...command])
    assert.equal(ran.code, 0, ran.stderr)
    const printed = JSON.parse(ran.stdout) as Readonly<Record<string, JsonObject>> // as official-client.ts prints it
    for (const revision of ['2026-07-28', '2025-11-25', '2025-06-18']) {
      const { undeclared, notGranted, asks, region, ...seen } = printed[revision] ?? {}
      assert.deepEqual(seen, {
        negotiated: revision,
        tools: [...GRANTED.map((name) => `fixture__${name}`), ...OWN],
        text: [{ type: 'text', text: 'This is a simple text response for testing.' }],
        sum: { sum: 5 },
        failed: true,
        progress: [0, 50, 100],
        resource: [
          {
            uri: 'test://template/42/data',
            mimeType: 'application/json',
            text: '{"id":"42","templateTest":true,"data":"Data for ID: 42"}',
          },
        ],
        resources: ['test://static-text', 'test://static-binary', 'test://watched-resource'],
        prompt: [{ role: 'user', content: { type: 'text', text: "Prompt with arguments: arg1='a', arg2='b'" } }],
      })
      assert.deepEqual(region, [{ type: 'text', text: 'region Köln' }])
      assert.match(String(undeclared), /\$\.c is not declared/)
      assert.match(String(notGranted), /refused by Firebreak/)
      assert.match(String(asks), /withheld|required capability|elicitation/i)
    }
    const entries = await ledgerOf(state)
    assert.equal(entries.filter(({ kind }) => kind === 'action.refused').length, 6)
    assert.equal(entries.filter(({ kind }) => kind === 'action.intent').length, 24)
    assert.equal(entries.filter(({ kind }) => kind === 'action.outcome').length, 24)
  })

  it('the official Python client, in both eras', async (t) => {
    const missing = installPython(directory)
    if (missing !== undefined) return t.skip(missing)
    const command = ['--', '/usr/bin/python3', '/opt/agents/official_client.py']
    const ran = await firebreak(['run', '-c', config, '-a', 'python', '--state', state, ...command])
    assert.equal(ran.code, 0, ran.stderr)
    const printed = JSON.parse(ran.stdout) as Readonly<Record<string, JsonObject>> // as official_client.py prints it
    for (const era of ['auto', 'legacy']) {
      const { undeclared, notGranted, ...seen } = printed[era] ?? {}
      assert.deepEqual(seen, {
        tools: [...GRANTED.map((name) => `fixture__${name}`), ...OWN],
        text: 'This is a simple text response for testing.',
        sum: { sum: 5 },
        progress: [0, 50, 100],
        resource: '{"id":"42","templateTest":true,"data":"Data for ID: 42"}',
      })
      assert.match(String(undeclared), /\$\.c is not declared/)
      assert.match(String(notGranted), /refused by Firebreak/)
    }
  })
})

/** Installs the client beside the test; returns why it could not be. */
function installPython(directory: string): string | undefined {
  const venv = join(directory, 'venv')
  if (spawnSync('python3', ['-c', 'import venv, ensurepip']).status !== 0) return 'python3 with venv is not installed'
  const made = spawnSync('python3', ['-m', 'venv', venv], { encoding: 'utf8', timeout: 240_000 })
  if (made.status !== 0) throw new Error(`python3 -m venv: ${made.error?.message ?? made.stderr}`)
  const pip = ['install', '-q', '--disable-pip-version-check', '--only-binary', ':all:', 'mcp==2.3.0']
  const installed = spawnSync(join(venv, 'bin/pip'), pip, { timeout: 240_000 })
  if (installed.status !== 0)
    return `mcp could not be installed from the package index: ${installed.signal ?? installed.status}`
  const [site] = globSync(join(venv, 'lib/python3*/site-packages'))
  if (site === undefined) return 'the virtual environment has no site-packages'
  spawnSync('/bin/cp', ['-a', `${site}/.`, join(directory, 'site')])
  return undefined
}
