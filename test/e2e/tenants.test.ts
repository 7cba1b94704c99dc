/** Two tenants on one host: each crossing is tried, in the configuration, in what a gateway is told, and while both run. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { writeSetup } from '../../src/gateway/link/setup.ts'
import { acceptedPath } from '../../src/host/prepare/accepted.ts'
import { gatewaySetup, judgeConfig } from '../../src/host/prepare/setup.ts'
import { logsOf, stateOfLog } from '../../src/host/state/logs.ts'
import { openState } from '../../src/host/state/state.ts'
import { environmentName, type Problem, tenantName } from '../../src/model/index.ts'
import { type ConfigPlan, writeConfig } from '../kit/config-text.ts'
import { startGatewayProcessOn } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { call, errorOf, modern, textOf } from '../kit/wire.ts'

process.env.FIREBREAK_TEST_SHOP = 'shop-secret-value'
process.env.FIREBREAK_TEST_BANK = 'bank-secret-value'

/** Everything of a tenant has its name in it, so that a look for the name finds whatever has come across. */
const tenants = { shop: { environments: ['shop-live'] }, bank: { environments: ['bank-live', 'bank-test'] } } as const
const secrets = { 'shop-key': { env: 'FIREBREAK_TEST_SHOP' }, 'bank-key': { env: 'FIREBREAK_TEST_BANK' } }
const upstreamOf = (tenant: string, url: string) => ({
  environment: `${tenant}-live`,
  mcp: { url, headers: { authorization: `Bearer \${secret:${tenant}-key}` } },
  tools: { [`${tenant}.pay`]: 'write' as const },
})
const agentOf = (tenant: string) => ({
  environment: `${tenant}-live`,
  grants: [{ upstream: `${tenant}-book`, tools: [`${tenant}.pay`], expires: '8h' }],
})
const PLAN: ConfigPlan = {
  tenants,
  environments: { 'shop-live': {}, 'bank-live': {}, 'bank-test': {} },
  upstreams: {
    'shop-book': upstreamOf('shop', 'https://shop.example/mcp'),
    'bank-book': upstreamOf('bank', 'https://bank.example/mcp'),
  },
  agents: { 'shop-desk': agentOf('shop'), 'bank-desk': agentOf('bank') },
  secrets,
}

/** One item a line, so that a line says which. */
async function written(plan: ConfigPlan, files: Readonly<Record<string, string>> = {}) {
  const directory = temporaryDirectory()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const file = writeConfig(directory, plan)
  return {
    directory,
    file,
    text: readFileSync(file, 'utf8'),
    loaded: await loadConfig(file, { node: process.execPath }),
  }
}

/** What each offers, into its own file. */
function acceptOwn(file: string): void {
  for (const tenant of ['shop', 'bank']) {
    const definition = { name: `${tenant}.pay`, inputSchema: { type: 'object', properties: {} } }
    const accepted = { acceptedBy: 'maria', acceptedAt: '2026-01-01T00:00:00Z', definition }
    const upstreams = { [`${tenant}-book`]: { [`${tenant}.pay`]: accepted } }
    writeFileSync(acceptedPath(file, tenantName(tenant)), JSON.stringify({ version: 1, upstreams }))
  }
}

describe('S6: tenants in the configuration', () => {
  const refused: readonly (readonly [what: string, plan: ConfigPlan, at: string, message: RegExp])[] = [
    [
      'an environment of two tenants',
      { ...PLAN, tenants: { ...tenants, third: { environments: ['bank-test'] } } },
      '"bank-test"\n',
      /"bank-test" belongs to tenant "bank" already/,
    ],
    [
      'an environment of none',
      { ...PLAN, environments: { ...PLAN.environments, stray: {} } },
      '"stray": {}',
      /"stray" belongs to no tenant/,
    ],
    [
      'a tenant’s environment that is not declared',
      { ...PLAN, tenants: { ...tenants, third: { environments: ['elsewhere'] } } },
      '"elsewhere"',
      /"elsewhere" of tenant "third" is not declared/,
    ],
    [
      'an origin of two',
      { ...PLAN, upstreams: { ...PLAN.upstreams, 'bank-book': upstreamOf('bank', 'https://shop.example:443/other') } },
      '"bank-book": {',
      /belongs to environment "shop-live" already/,
    ],
    [
      'a secret of two',
      {
        ...PLAN,
        upstreams: {
          ...PLAN.upstreams,
          'bank-more': { ...upstreamOf('shop', 'https://c.example/'), environment: 'bank-live' },
        },
      },
      '"bank-more": {',
      /secret "shop-key" belongs to environment "shop-live" already/,
    ],
    [
      'one secret under two names',
      { ...PLAN, secrets: { ...secrets, 'bank-key': { env: 'FIREBREAK_TEST_SHOP' } } },
      '"bank-key": {\n      "env"',
      /"bank-key" is read from where "shop-key" of environment "shop-live" is/,
    ],
    [
      'a grant across',
      { ...PLAN, agents: { 'shop-desk': { ...agentOf('bank'), environment: 'shop-live' } } },
      '"bank-book",\n',
      /belongs to environment "bank-live", the agent to "shop-live"/,
    ],
    [
      'a delegate across',
      { ...PLAN, agents: { ...PLAN.agents, 'shop-desk': { ...agentOf('shop'), delegates: ['bank-desk'] } } },
      '"bank-desk"\n',
      /agent "bank-desk" belongs to environment "bank-live"/,
    ],
  ]
  for (const [what, plan, at, message] of refused) {
    it(`refuses ${what}, with its line`, async () => {
      const { loaded, text } = await written(plan)
      assert.ok(!loaded.ok)
      const line = text.slice(0, text.lastIndexOf(at)).split('\n').length
      const found = loaded.reason.find((problem) => message.test(problem.message))
      assert.ok(found, JSON.stringify(loaded.reason))
      assert.ok(Math.abs(found.source.line - line) <= 1, `${found.source.line}, not ${line}`)
    })
  }

  it('refuses a workspace of two, also by another name or inside the other’s', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'work/inner'), { recursive: true })
    symlinkSync(join(directory, 'work'), join(directory, 'link'))
    for (const workspace of ['work', 'link', 'work/inner']) {
      const at = (path: string) => ({ cell: { workspace: join(directory, path) } })
      const { loaded } = await written({
        ...PLAN,
        agents: {
          'shop-desk': { ...agentOf('shop'), ...at('work') },
          'bank-desk': { ...agentOf('bank'), ...at(workspace) },
        },
      })
      const message = /workspace of agent "bank-desk" is that of agent "shop-desk", of tenant "shop"/
      assert.ok(!loaded.ok && loaded.reason.some((problem) => message.test(problem.message)), workspace)
    }
  })

  it('refuses a policy file of two, and a policy that speaks of another’s', async () => {
    const own = (policies: readonly string[]) => ({ ...tenants, bank: { ...tenants.bank, policies } })
    const shared = await written(
      { ...PLAN, tenants: { ...own(['bank.cedar']), shop: { ...tenants.shop, policies: ['*.cedar'] } } },
      { 'bank.cedar': 'forbid(principal, action, resource);' },
    )
    assert.ok(
      !shared.loaded.ok && /"bank.cedar" is of tenant "shop" already/.test(shared.loaded.reason[0]?.message ?? ''),
    )

    const policies = ['Agent::"shop-desk"', 'Agent::"bank-desk"'].map(
      (who) => `forbid(principal == ${who}, action, resource);`,
    )
    const more =
      'forbid(principal, action, resource == Upstream::"shop-book");\nforbid(principal, action, resource in Environment::"shop-live");'
    const { loaded } = await written(
      { ...PLAN, tenants: own(['bank.cedar']) },
      { 'bank.cedar': `${policies.join('\n')}\n${more}` },
    )
    assert.ok(loaded.ok, JSON.stringify(loaded))
    acceptOwn(loaded.value.file)
    const judged = await judgeConfig(loaded.value)
    assert.ok(!judged.ok)
    const told = judged.reason.map(({ source, message }: Problem) => `${source.file}:${source.line} ${message}`)
    assert.deepEqual(told.sort(), [
      'bank.cedar:1 a policy of tenant "bank" speaks of Agent::"shop-desk", which is of tenant "shop"',
      'bank.cedar:3 a policy of tenant "bank" speaks of Upstream::"shop-book", which is of tenant "shop"',
      'bank.cedar:4 a policy of tenant "bank" speaks of Environment::"shop-live", which is of tenant "shop"',
    ])
  })

  it('refuses an accepted file that speaks of another’s upstream', async () => {
    const { loaded, file } = await written(PLAN)
    assert.ok(loaded.ok)
    const upstreams = { 'shop-book': {} }
    writeFileSync(acceptedPath(file, tenantName('bank')), JSON.stringify({ version: 1, upstreams }))
    const judged = await judgeConfig(loaded.value)
    assert.ok(
      !judged.ok && /"shop-book", which is not an upstream of tenant "bank"/.test(judged.reason[0]?.message ?? ''),
    )
  })
})

describe('S6: tenants on one host', () => {
  it('what a gateway is told holds no name, origin, policy or secret of another tenant', async () => {
    const policies = {
      'shop.cedar': '@id("shop-rule") forbid(principal, action, resource);',
      'bank.cedar': '@id("bank-rule") forbid(principal, action, resource);',
    }
    const plan = {
      ...PLAN,
      tenants: {
        shop: { ...tenants.shop, policies: ['shop.cedar'] },
        bank: { ...tenants.bank, policies: ['bank.cedar'] },
      },
    }
    const { loaded, file } = await written(plan, policies)
    assert.ok(loaded.ok, JSON.stringify(loaded))
    acceptOwn(file)
    const judged = await judgeConfig(loaded.value)
    assert.ok(judged.ok, JSON.stringify(judged))
    for (const [tenant, other] of [
      ['shop', 'bank'],
      ['bank', 'shop'],
    ] as const) {
      const setup = gatewaySetup(judged.value, environmentName(`${tenant}-live`))
      // Of the bank's agents, too, the owner works for the shop.
      const told = writeSetup(setup).replaceAll('maria.silva@shop.example', 'maria')
      assert.doesNotMatch(told, new RegExp(other), `${tenant} is told of ${other}`)
      for (const own of ['-book', '-desk', '-key', '-secret-value', '-rule', '.example/mcp', '.pay'])
        assert.ok(told.includes(`${tenant}${own}`), `${tenant}${own}`)
      assert.equal(setup.policies.policies.filter(({ effect }) => effect === 'permit').length, 1)
    }
  })

  it('both run: no route across, other uids, other directories, other witnesses', async () => {
    const served = async (name: string) =>
      startUpstream({ era: 'modern', tools: [tool(`${name}.pay`)], onCall: () => textResult(`${name} paid`) })
    const [shop, bank] = [await served('shop'), await served('bank')]
    const upstreams = { 'shop-book': upstreamOf('shop', shop.url), 'bank-book': upstreamOf('bank', bank.url) }
    const { file } = await written({ ...PLAN, upstreams })
    const stateDirectory = join(temporaryDirectory(), 'state')
    const start = (tenant: string) => startGatewayProcessOn(file, { stateDirectory, environment: `${tenant}-live` })
    const [shopGateway, bankGateway] = [await start('shop'), await start('bank')]
    const cell = await shopGateway.admit('shop-desk')
    assert.equal(textOf(await call(cell.url('shop-book'), 'shop.pay')), 'shop paid')
    assert.equal(errorOf(await call(cell.url(), 'bank-book__bank.pay'))?.code, 403)
    assert.notEqual(textOf(await call(cell.url('bank-book'), 'bank.pay')), 'bank paid')
    assert.doesNotMatch((await modern(cell.url(), 'tools/list', {})).text, /bank/)
    await assert.rejects(shopGateway.admit('bank-desk'))
    assert.deepEqual(
      [bank.calls.length, shop.headers.some(({ authorization }) => authorization?.includes('bank'))],
      [0, false],
    )
    assert.equal(bank.asked.get('tools/call'), undefined)

    assert.equal(shopGateway.state.directory, join(stateDirectory, 'tenants/shop'))
    assert.deepEqual(readdirSync(shopGateway.state.ledgers), ['shop-live'])
    const logs = await logsOf(stateDirectory)
    assert.deepEqual(logs.ok && logs.value.map(({ log }) => log.name).sort(), ['bank-live', 'shop-live'])
    assert.equal(await stateOfLog(stateDirectory, 'bank-live'), bankGateway.state.directory)
    const keys = [shopGateway, bankGateway].map(({ state }) => readFileSync(join(state.witness, 'witness.pub'), 'utf8'))
    assert.notEqual(keys[0], keys[1])
    if (process.getuid?.() !== 0) return
    const uidIn = (pid: number) => /Uid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    const uids = [shopGateway, bankGateway].flatMap(({ gatewayPid, witnessPid }) => [
      uidIn(gatewayPid),
      uidIn(witnessPid),
    ])
    assert.equal(new Set(uids).size, 4)
    const looking = spawnSync('ls', [bankGateway.ledgerDirectory], { uid: Number(uids[0]), encoding: 'utf8' })
    assert.match(looking.stderr, /Permission denied/)
  })

  it('uids of one tenant’s services are never drawn for another’s', () => {
    const directory = temporaryDirectory()
    const drawn = (draws: readonly number[]) => {
      const left = [...draws]
      return () => left.shift() ?? 0
    }
    const one = openState(join(directory, 'one'), true, drawn([0.5, 0.25]))
    assert.notEqual(one.uidOf('witness'), one.uidOf('gateway-a'))
    const two = openState(join(directory, 'two'), true, drawn([0.25, 0.5, 0.75, 0.75, 0.125]), [join(directory, 'one')])
    const all = [one.uidOf('witness'), one.uidOf('gateway-a'), two.uidOf('witness'), two.uidOf('gateway-b')]
    assert.equal(new Set(all).size, 4)
  })
})
