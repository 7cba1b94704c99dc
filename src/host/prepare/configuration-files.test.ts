import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { AUTHORITY } from '../../../test/kit/certificates.ts'
import { parseHere } from '../../../test/kit/parse-policies.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import { environmentName } from '../../model/index.ts'
import { planOf } from '../apply/plan.ts'
import { acceptedPath } from './accepted.ts'
import { cellSpec } from './cell-spec.ts'
import { configurationFiles } from './configuration-files.ts'
import { containmentOf, gatewaySetup, type Judged, judgeConfig } from './setup.ts'

const TEST = environmentName('test')
const directory = temporaryDirectory()
const at = (...names: readonly string[]) => join(directory, ...names)
const CONFIG = {
  environments: { test: {} },
  upstreams: {
    npm: {
      environment: 'test',
      packages: { registry: 'npm', denyList: './lists/deny.txt', deny: ['left-pad'] },
    },
    shop: { environment: 'test', http: { origin: 'https://shop.example', ca: './ca.pem' } },
  },
  agents: {
    alpha: {
      owner: 'ana@shop.example',
      environment: 'test',
      cell: { workspace: './work' },
      grants: [{ upstream: 'npm', tools: ['list'], expires: '1h' }],
    },
  },
  policies: ['never.cedar'],
}
mkdirSync(at('lists'))
mkdirSync(at('work'))
writeFileSync(at('never.cedar'), 'forbid (principal, action in Action::"irreversible", resource);')

async function judged(deny: string | null = 'npm:event-stream stole wallets', config: object = CONFIG) {
  writeFileSync(at('ca.pem'), AUTHORITY)
  writeFileSync(at('firebreak.yaml'), JSON.stringify(config))
  rmSync(at('lists/deny.txt'), { force: true })
  if (deny !== null) writeFileSync(at('lists/deny.txt'), deny)
  const loaded = await loadConfig(at('firebreak.yaml'), { node: process.execPath })
  return loaded.ok ? judgeConfig(loaded.value, undefined, parseHere) : loaded
}

async function fit(deny?: string): Promise<Judged> {
  const result = await judged(deny)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

const denied = (judgement: Judged) =>
  gatewaySetup(judgement, TEST).upstreams.flatMap(({ server }) =>
    server.kind === 'origin' ? (server.packages?.denied.map(({ name }) => name) ?? []) : [],
  )

describe('the files that a configuration is made of', () => {
  it('are all in one list: no cell changes them, and what decides is not named by who is decided upon', async () => {
    const { config } = await fit()
    const names = ['firebreak.yaml', 'firebreak.accepted.json', 'never.cedar', 'lists/deny.txt', 'ca.pem']
    assert.deepEqual(
      configurationFiles(config).map(({ path }) => path),
      names.map((name) => at(name)),
    )
    const [alpha] = config.agents.values()
    assert.ok(alpha)
    const state = { directory: at('.firebreak'), workspace: () => at('.firebreak/w') }
    const { protectedPaths, shownPaths = [] } = cellSpec(config, state, {
      name: 'alpha',
      command: ['true'],
      stdio: { kind: 'pipes' },
      cell: alpha.cell,
      listener: true,
      variables: {},
      about: { part: 'agent', state: state.directory, environment: TEST, agent: alpha.name },
    } as unknown as Parameters<typeof cellSpec>[2]) // the parts that paths are made of
    assert.deepEqual(
      names.map((name) => at(name)).filter((path) => !protectedPaths.includes(path)),
      [at('ca.pem')],
    )
    assert.ok(shownPaths.includes(at('ca.pem')), 'it may be shown, and lies in no workspace')
    const { ownPaths } = containmentOf(config, undefined)
    assert.ok(ownPaths.includes(at('lists/deny.txt')) && !ownPaths.includes(at('ca.pem')))
  })

  it('are in the name of the configuration, each of them, as they were when it was read', async () => {
    const before = await fit()
    const digests = new Set([...before.digests.values()])
    for (const change of [
      () => fit('npm:event-stream stole wallets\nnpm:flatmap-stream did, too'),
      async () => {
        writeFileSync(acceptedPath(at('firebreak.yaml')), '{"version":1,"upstreams":{}}')
        return fit()
      },
      async () => {
        writeFileSync(at('never.cedar'), 'forbid (principal, action in Action::"spend", resource);')
        return fit()
      },
    ])
      for (const digest of (await change()).digests.values()) digests.add(digest)
    assert.equal(digests.size, 4)
    writeFileSync(at('lists/deny.txt'), '')
    assert.deepEqual(denied(before), ['left-pad', 'event-stream'], 'a gateway that opens later goes by what was read')
  })

  it('PL1: one that differs is told with its path, and a gateway that serves does not go by it before its end', async () => {
    const [before, after] = [await fit('npm:event-stream'), await fit('# nobody')]
    const { agents, anew } = planOf(before, after)
    const told = agents.flatMap(({ changes }) => changes.filter(({ widens }) => widens).map(({ text }) => text))
    assert.ok(told.includes(`goes by ${at('lists/deny.txt')}, which has changed`), told.join('\n'))
    assert.deepEqual(anew, [{ environment: 'test', what: ['upstream npm'] }])
    assert.deepEqual(planOf(before, await fit('npm:event-stream')).agents, [])
  })

  it('rules that cannot be read, or are none, are told before anything goes by them', async () => {
    const problems = async (...given: Parameters<typeof judged>) => {
      const result = await judged(...given)
      return result.ok ? '' : result.reason.map(({ message }) => message).join()
    }
    assert.match(await problems('npm:'), /packages of "npm": .*deny\.txt: line 1/)
    assert.match(await problems(null), /deny\.txt: it cannot be read: ENOENT/)
    const without = await loadConfig(at('firebreak.yaml'), { node: process.execPath })
    assert.ok(without.ok, 'who orders a stop reads it all the same')
    const { npm, ...rest } = CONFIG.upstreams
    const wrong = { ...npm, packages: { ...npm.packages, deny: ['@x/y/z@1'] } }
    assert.notEqual(await problems('# none', { ...CONFIG, upstreams: { ...rest, npm: wrong } }), '')
  })
})
