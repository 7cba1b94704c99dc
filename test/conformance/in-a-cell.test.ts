/** The suite itself as the agent in a cell, against a server on its standard streams in an upstream cell. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { firebreak, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { fixtureUpstream } from './fixture-grants.ts'
import { startFixture } from './fixture-server.ts'
import { REFUSED } from './refused.ts'
import { lost, readRun, runServerSuite } from './suite.ts'

const FILES = { '/opt/node': '${node}', '/opt/node_modules': join(repository, 'node_modules') }
const SUITE = '/opt/node_modules/@modelcontextprotocol/conformance/dist/index.js'

it('from a real cell, over stdio: no check is lost but those that are refused on purpose', { skip: SKIP }, async () => {
  const directory = temporaryDirectory()
  const mcp = {
    command: ['/opt/node', '/opt/conformance/fixture-server.ts', '--stdio'],
    cell: { files: { ...FILES, '/opt/conformance': join(repository, 'test/conformance') } },
  }
  const upstreams = { fixture: fixtureUpstream(mcp, 'modern') }
  const { tools = {}, resources = [], prompts = [] } = upstreams.fixture
  const grant = { upstream: 'fixture', tools: Object.keys(tools), resources, prompts, expires: '1h' }
  const config = writeConfig(directory, { upstreams, agents: { suite: { cell: { files: FILES }, grants: [grant] } } })
  const accept = () => firebreak(['accept', '-c', config, '--as', 'maria.silva@shop.example', '--yes'])
  let accepted = await accept()
  // On a busy host a server may take the three seconds after which it is asked in an older revision (LIMITATIONS.md).
  for (let again = 0; accepted.code !== 0 && again < 5; again++) accepted = await accept()
  assert.equal(accepted.code, 0, accepted.stderr)
  for (const revision of ['2026-07-28', '2025-11-25'] as const) {
    const fixture = await startFixture()
    cleanUp(fixture.close)
    const running = runServerSuite(fixture.url, { requirements: revision })
    const url = '${FIREBREAK_MCP_URL}/fixture'
    const suite = `/opt/node ${SUITE} server --url ${url} --requirements ${revision} -o /tmp/out`
    // Each file with its name before it, on one line.
    const script = `${suite} >/dev/null 2>&1; cd /tmp/out && for d in *; do echo "$d"; tr -d '\\n' <"$d/checks.json"; echo; done`
    const state = join(directory, `state-${revision}`)
    const ran = await firebreak(['run', '-c', config, '-a', 'suite', '--state', state, '--', '/bin/sh', '-c', script])
    assert.equal(ran.code, 0, ran.stderr)
    const output = join(directory, revision)
    const lines = ran.stdout.trimEnd().split('\n')
    for (let i = 0; i + 1 < lines.length; i += 2) {
      mkdirSync(join(output, lines[i] ?? ''), { recursive: true })
      writeFileSync(join(output, lines[i] ?? '', 'checks.json'), lines[i + 1] ?? '')
    }
    const [direct, through] = [await running, readRun(output)]
    assert.ok(through.checks.size > 60, `${through.checks.size} checks`)
    const unexpected = lost(direct, through).filter((key) => !Object.hasOwn(REFUSED, key))
    assert.deepEqual(
      unexpected.map((key) => `${key} ${through.faults.get(key) ?? 'missing'}`),
      [],
    )
  }
})
