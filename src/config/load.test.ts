import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { type AgentName, budgetText, type Problem, type ToolName, type UpstreamName } from '../model/index.ts'
import type { Config } from './config.ts'
import { loadConfig } from './load.ts'

const GOOD = `
environments:
  test: {}
  production: {}
upstreams:
  payments-test:
    environment: test
    mcp: { url: "http://127.0.0.1:8081/mcp", headers: { Authorization: "Bearer \${secret:payments}" } }
    tools:
      orders.get: { effect: read }
      refunds.create: { effect: spend, amount: $.amount, currency: $.currency }
    resources: ["book://{id}"]
  notes:
    environment: test
    mcp: { command: [node, server.js], cell: { files: { /opt/node: "\${node}" } } }
agents:
  refund-bot:
    owner: maria.silva@shop.example
    environment: test
    cell: { cpu: 0.5, memory: 256MiB, pids: 64, wall: 10min }
    grants:
      - upstream: payments-test
        tools: [orders.get, refunds.create]
        resources: ["book://{id}"]
        when: context.args.amount.lessThanOrEqual(decimal("50.00"))
        budget: { spend: 500 EUR/day, calls: 60/min }
        expires: 8h
secrets:
  payments: { env: PAYMENTS_TOKEN }
`

const OWN = Object.values(networkInterfaces()).flatMap((each) =>
  (each ?? []).flatMap(({ address, family }) => (family === 'IPv4' ? [address] : [`[${address}]`])),
)

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function load(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-config-'))
  folders.push(folder)
  writeFileSync(join(folder, 'firebreak.yaml'), text)
  return loadConfig(join(folder, 'firebreak.yaml'), { node: '/opt/pinned/node' })
}

async function good(text: string): Promise<Config> {
  const loaded = await load(text)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.value
}

async function problems(text: string): Promise<readonly Problem[]> {
  const loaded = await load(text)
  assert.ok(!loaded.ok, 'a bad configuration was accepted')
  return loaded.reason
}

describe('loadConfig', () => {
  it('a home of files goes with the home that a cell is made, not with a root or a HOME of its own', async () => {
    const cell = (fields: string) => GOOD.replace('cpu: 0.5', `home: ./settings, ${fields}`)
    assert.equal((await good(cell('cpu: 0.5'))).agents.size, 1)
    for (const [fields, what] of [
      ['root: ./image', /not with a root of its own/],
      ['env: { HOME: /workspace }', /not with a HOME of its own/],
    ] as const) {
      const [problem] = await problems(cell(fields))
      assert.match(problem?.message ?? '', what)
    }
  })

  it('files of packages do not come in the clear where their lists are signed', async () => {
    const registry = (files: string) =>
      `environments: { test: {} }\nupstreams: { npm: { environment: test, packages: { registry: npm, files: "${files}" } } }\nagents: {}\n`
    assert.equal((await good(registry('https://files.example'))).upstreams.size, 1)
    assert.equal((await good(registry('http://127.0.0.1:4873'))).upstreams.size, 1)
    const [problem] = await problems(registry('http://files.example'))
    assert.match(problem?.message ?? '', /files would come in the clear from files.example/)
  })

  it('says of a configuration in a directory whose name is not UTF-8 that it is in one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-config-'))
    folders.push(folder)
    const latin = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9])])
    mkdirSync(latin)
    writeFileSync(Buffer.concat([latin, Buffer.from('/firebreak.yaml')]), GOOD)
    symlinkSync(latin, join(folder, 'by'))
    const loaded = await loadConfig(join(folder, 'by/firebreak.yaml'), { node: '/opt/pinned/node' })
    assert.ok(!loaded.ok)
    assert.deepEqual(
      loaded.reason.map(({ message }) => message),
      ['its path cannot be followed: the name of a directory above it is not UTF-8'],
    )
  })

  it('S17: refuses more patterns than are matched', async () => {
    const patterns = (count: number) => Array.from({ length: count }, (_, i) => `a${i}`).join(', ')
    const fields = (count: number) => `workspace: ., commit: { allow: [${patterns(count)}] }`
    assert.equal((await good(GOOD.replace('cpu: 0.5', fields(64)))).agents.size, 1)
    const [problem] = await problems(GOOD.replace('cpu: 0.5', fields(65)))
    assert.match(problem?.expected ?? '', /at most 64/)
  })

  it('reads what a destination may always be: texts, numbers, truths, an empty text, and nothing', async () => {
    const listed = (values: string) =>
      GOOD.replace('orders.get: { effect: read }', `orders.get: { effect: read, destinations: { $.to: [${values}] } }`)
    assert.notEqual(listed(''), GOOD)
    const { upstreams } = await good(listed('ops, "", true, 7, null'))
    const [tool] = [...upstreams.values()]
      .flatMap(({ tools }) => [...tools.values()])
      .filter((each) => each.destinations)
    assert.deepEqual(tool?.destinations, [{ path: [{ name: 'to' }], values: ['ops', '', 'true', '7', null] }])
    for (const wrong of ['[x]', '{ a: b }', '"a\\u0007"', '1.5e400', 'y'.repeat(257)]) {
      const [problem] = await problems(listed(wrong))
      assert.match(problem?.expected ?? '', /text, a number, true, false or null/, wrong)
    }
  })

  it('reads when files are saved, and what lands by rule', async () => {
    const cell = 'workspace: ./work, checkpoints: { every: 10min, keep: 5, size: 1GiB, before: [irreversible] }'
    const rule = 'commit: { allow: ["src/**"], never: [".git/**"] }'
    const config = await good(GOOD.replace('cpu: 0.5', `${cell}, ${rule}`))
    const [agent] = config.agents.values()
    assert.deepEqual(agent?.cell.checkpoints, {
      everyMs: 600_000,
      keep: 5,
      bytesMax: 1_073_741_824,
      beforeIrreversible: true,
      required: true,
    })
    assert.deepEqual(agent?.cell.commit, { allow: [['src', '**']], never: [['.git', '**']] })
    const [problem] = await problems(`profile: user\n${GOOD.replace('cpu: 0.5', cell)}`)
    assert.match(problem?.message ?? '', /"checkpoints" under profile "user"/)
  })

  for (const [what, fields, message] of [
    ['files to save where there are none', 'checkpoints: { every: 10min }', /"checkpoints" of a cell without files/],
    ['a rule to land what there is not', 'commit: { allow: ["src/**"] }', /"commit" of a cell without files/],
    ['what is required and never asked for', 'workspace: ., checkpoints: { required: false }', /"required" without/],
    ['an effect that can be taken back', 'workspace: ., checkpoints: { before: [write] }', /found "write"/],
    ['a pattern that leads out', 'workspace: ., commit: { never: ["../**"] }', /found "\.\.\/\*\*"/],
  ] as const)
    it(`refuses ${what}`, async () => {
      const [problem] = await problems(GOOD.replace('cpu: 0.5', fields))
      assert.match(problem?.message ?? '', message)
      assert.ok(problem?.source.line)
    })

  it('reads names, units and paths', async () => {
    const config = await good(GOOD)
    const agent = config.agents.get('refund-bot' as AgentName)
    assert.equal(agent?.cell.memoryBytes, 256 * 1024 * 1024)
    assert.equal(agent?.cell.wallMs, 600_000)
    const [grant] = agent?.grants ?? []
    assert.deepEqual([...(grant?.tools ?? [])], ['orders.get', 'refunds.create', 'resource:book://{id}'])
    assert.deepEqual(grant?.budgets, [
      { kind: 'calls', max: 60, window: { kind: 'sliding', ms: 60_000 } },
      { kind: 'spend', maxUnits: 5_000_000n, currency: 'EUR', window: { kind: 'sliding', ms: 86_400_000 } },
    ])
    assert.equal(grant?.when?.source.line, 25)
    const notes = config.upstreams.get('notes' as UpstreamName)
    assert.equal(notes?.server.kind === 'stdio' && notes.server.cell.files.get('/opt/node'), '/opt/pinned/node')
  })

  it('reads budgets of every kind, over every window, and what tools say of their answers', async () => {
    const written = `budget:
          calls: [60/min, 1000 per day]
          spend: [500 EUR/day, 900.50 EUR per month Europe/Lisbon, 100 USD total]
          rows: 10000/day
          bytes: 50MiB per week
          task: [50 EUR, 20 calls, 5MiB]`
    const config = await good(
      GOOD.replace('budget: { spend: 500 EUR/day, calls: 60/min }', written)
        .replace('{ effect: read }', '{ effect: read, rows: $.orders, maxRows: 100, maxBytes: 200KiB }')
        .replace(
          'currency: $.currency }',
          'currency: $.currency, rows: $.n, maxRows: 1, settles: $.charged, settlesDown: true }',
        )
        .replace('        resources: ["book://{id}"]\n        when', '        when'),
    )
    const [grant] = config.agents.get('refund-bot' as AgentName)?.grants ?? []
    assert.deepEqual(grant?.budgets.map(budgetText), [
      '60 calls/min',
      '1000 calls per day (UTC)',
      '500.00 EUR/day',
      '900.50 EUR per month (Europe/Lisbon)',
      '100.00 USD in total',
      '10000 rows/day',
      '52428800 bytes per week (UTC)',
      '50.00 EUR for this task',
      '20 calls for this task',
      '5242880 bytes for this task',
    ])
    const tools = config.upstreams.get('payments-test' as UpstreamName)?.tools
    const { maxRows, maxBytes } = tools?.get('orders.get' as ToolName) ?? {}
    assert.deepEqual([maxRows, maxBytes], [100, 204_800])
    const { settles, settlesDown } = tools?.get('refunds.create' as ToolName) ?? {}
    assert.deepEqual([settles, settlesDown], [[{ name: 'charged' }], true])
  })

  for (const text of [
    'spend: 500 EUR',
    'spend: 500 EUR/week',
    'spend: 500 EUR per year',
    'spend: 500 EUR per day Lisbon',
    'spend: 500 EUR per day +01:00',
    'spend: 0 EUR/day',
    'spend: 1e3 EUR/day',
    'spend: 500 eur/day',
    'calls: 0/min',
    'calls: 1.5/min',
    'calls: 60',
    'bytes: 500/day',
    'rows: 10 rows/day',
    'task: 50 EUR/day',
    'task: "50"',
  ]) {
    it(`refuses the budget "${text}"`, async () => {
      const found = await problems(GOOD.replace('{ spend: 500 EUR/day, calls: 60/min }', `{ ${text} }`))
      assert.match(found[0]?.message ?? '', /^found /)
    })
  }

  const bad: readonly (readonly [what: string, change: (text: string) => string, line: number, message: RegExp])[] = [
    ['an unknown key', (t) => t.replace('wall: 10min', 'wal: 10min'), 20, /unknown key "wal"/],
    [
      'a key that a later version may know',
      (t) => t.replace('expires: 8h', 'expires: 8h\n        accepts: [untrusted]'),
      28,
      /unknown key "accepts"/,
    ],
    ['a key written twice', (t) => t.replace('  production: {}', '  test: {}'), 4, /unique/],
    ['an alias', (t) => t.replace('environment: test\n    cell', 'environment: *test\n    cell'), 19, /alias/i],
    ['a missing owner', (t) => t.replace('    owner: maria.silva@shop.example\n', ''), 18, /"owner" is missing/],
    [
      'Firebreak as an owner',
      (t) => t.replace('owner: maria.silva@shop.example', 'owner: Firebreak'),
      18,
      /found "Firebreak"/,
    ],
    ['an unlimited size', (t) => t.replace('memory: 256MiB', 'memory: unlimited'), 20, /found "unlimited"/],
    ['a size that YAML turned into a number', (t) => t.replace('memory: 256MiB', 'memory: 256'), 20, /found 256/],
    [
      'an environment that is not declared',
      (t) => t.replace('environment: test\n    cell', 'environment: staging\n    cell'),
      19,
      /"staging" of agent "refund-bot" is not declared/,
    ],
    [
      'a grant across environments',
      (t) => t.replace('environment: test\n    cell', 'environment: production\n    cell'),
      22,
      /belongs to environment "test", the agent to "production"/,
    ],
    [
      'a tool that is not declared',
      (t) => t.replace('[orders.get, refunds.create]', '[orders.get, refunds.delete]'),
      23,
      /"refunds.delete" is not declared/,
    ],
    [
      'a grant that grants nothing',
      (t) => t.replace('        tools: [orders.get, refunds.create]\n        resources: ["book://{id}"]\n', ''),
      22,
      /grants nothing/,
    ],
    ['a spend without an amount', (t) => t.replace(', amount: $.amount', ''), 7, /does not say how much/],
    [
      'a secret in the clear',
      (t) => t.replace('http://127.0.0.1:8081', 'http://payments.example'),
      7,
      /in the clear to payments.example/,
    ],
    [
      'a secret that is not declared',
      (t) => t.replace('payments: { env', 'payment: { env'),
      7,
      /secret "payments" is not declared/,
    ],
    [
      'a secret in an agent’s cell',
      (t) => t.replace('cpu: 0.5', 'env: { TOKEN: "${secret:payments}" }'),
      18,
      /in an agent's cell/,
    ],
    [
      'a secret that a URL spells in another way',
      (t) => t.replace('http://127.0.0.1:8081/mcp', 'http://payments.example/$%7bsecret:payments%7d'),
      7,
      /^its url holds what looks like a secret’s place and is none$/,
    ],
    [
      'a secret in the clear, in a URL’s own spelling',
      (t) => t.replace('http://127.0.0.1:8081/mcp', 'http://payments.example/$%7Bsecret:payments%7D'),
      7,
      /in the clear to payments.example/,
    ],
    [
      'a secret within another in a header',
      (t) => t.replace('Bearer ${secret:payments}', '${sec${secret:payments}ret:payments}'),
      7,
      /^its header authorization holds what looks like/,
    ],
    [
      'a secret that a command spells in another way',
      (t) => t.replace('command: [node, server.js]', 'command: [node, "${Secret:payments}"]'),
      14,
      /^word 1 holds what looks like/,
    ],
    [
      'a secret that an agent’s cell spells in another way',
      (t) => t.replace('cpu: 0.5', 'env: { TOKEN: "${SECRET:payments}" }'),
      18,
      /in an agent's cell/,
    ],
    ['a credential in a URL', (t) => t.replace('http://127', 'http://a:b@127'), 7, /credential in a URL/],
    ['a policy pattern without a file', (t) => `${t}policies: [policies/*.cedar]\n`, 30, /no file matches/],
    [
      'a server with neither command nor url',
      (t) => t.replace('command: [node, server.js], ', ''),
      14,
      /either a command or a url/,
    ],
    ['a negative budget', (t) => t.replace('500 EUR/day', '-500 EUR/day'), 26, /found "-500 EUR\/day"/],
    [
      'a share larger than what it is set aside from',
      (t) => t.replace('calls: 60/min', 'task: 500.01 EUR'),
      22,
      /500\.01 EUR can never be set aside from 500\.00 EUR\/day/,
    ],
    [
      'two shares of one kind',
      (t) => t.replace('calls: 60/min', 'task: [5 EUR, 6 EUR]'),
      22,
      /a second share of the same kind/,
    ],
    [
      'rows counted of a tool that does not say how many it returns',
      (t) => t.replace('calls: 60/min', 'rows: 60/min'),
      23,
      /nothing says how many rows "orders\.get" returns/,
    ],
    ['rows without a maximum', (t) => t.replace('{ effect: read }', '{ effect: read, rows: $.a }'), 7, /only half/],
    [
      'a settlement of what spends nothing',
      (t) => t.replace('{ effect: read }', '{ effect: read, settles: $.a }'),
      7,
      /does not spend/,
    ],
    [
      'less believed of nothing',
      (t) => t.replace('{ effect: read }', '{ effect: read, settlesDown: true }'),
      7,
      /nothing that could settle/,
    ],
    [
      'an answer larger than any may be',
      (t) => t.replace('{ effect: read }', '{ effect: read, maxBytes: 5MiB }'),
      7,
      /answered in one piece, which has at most 4MiB/,
    ],
    [
      'more bytes than any budget has',
      (t) => t.replace('{ effect: read }', '{ effect: read, maxBytes: 1025GiB }'),
      10,
      /found "1025GiB"/,
    ],
    ['more places than money has', (t) => t.replace('500 EUR/day', '0.00001 EUR/day'), 26, /found/],
    ['not YAML', (t) => t.replace('agents:', 'agents: ['), 18, /./],
    ['an empty file', () => '', 1, /found nothing/],
  ]
  for (const [what, change, line, message] of bad) {
    it(`refuses ${what}, with the line`, async () => {
      const text = change(GOOD)
      assert.notEqual(text, GOOD)
      const found = await problems(text)
      assert.ok(
        found.some((problem) => message.test(problem.message) && problem.source.line === line),
        JSON.stringify(found, null, 1),
      )
    })
  }

  const HARDENED = GOOD.replace('test: {}', 'test: { hardened: true }')
  it('a hardened environment wants an approver of each effect, who is not the agent’s owner', async () => {
    const [missing, ...more] = await problems(HARDENED)
    assert.match(missing?.message ?? '', /"refunds.create", which has an effect, in the hardened environment "test"/)
    assert.match(missing?.expected ?? '', /approver: a person other than the owner, maria.silva@shop.example/)
    assert.deepEqual([missing?.source.line, more], [22, []])
    const own = await problems(
      HARDENED.replace('expires: 8h', 'expires: 8h\n        approver: " Maria.Silva@shop.example"'),
    )
    assert.match(own[0]?.message ?? '', /owns the agent: nobody approves their own/)
    assert.equal(own[0]?.source.line, 28)
    const written = HARDENED.replace('effect: spend, amount: $.amount, currency: $.currency', 'effect: write')
    assert.match((await problems(written))[0]?.message ?? '', /names no approver/)
    await good(HARDENED.replace('[orders.get, refunds.create]', '[orders.get]'))
    const config = await good(HARDENED.replace('expires: 8h', 'expires: 8h\n        approver: joao.costa@shop.example'))
    assert.equal([...config.agents.values()][0]?.grants[0]?.approver, 'joao.costa@shop.example')
  })

  it('a grant on a relay with a way out has an effect, whatever it calls its tools: a hardened environment wants its approver', async () => {
    const config = (environment: object, server: object, grant: object = {}) =>
      JSON.stringify({
        environments: { live: { hardened: true, ...environment } },
        upstreams: { web: { environment: 'live', tools: { fetch: { effect: 'read' } }, ...server } },
        agents: {
          alpha: {
            owner: 'maria@shop.example',
            environment: 'live',
            command: ['sh'],
            grants: [{ upstream: 'web', tools: ['fetch'], expires: '1h', ...grant }],
          },
        },
      })
    const [egress, relay] = [{ egress: ['https://partner.example'] }, { relay: true, mcp: { command: ['true'] } }]
    const [missing, ...more] = await problems(config(egress, relay))
    assert.match(missing?.message ?? '', /the relay "web", whose connections are effects, .* names no approver/)
    assert.deepEqual(more, [])
    await good(config(egress, relay, { approver: 'jo@shop.example' }))
    await good(config({}, relay))
    await good(config(egress, { mcp: { command: ['true'] } }))
  })

  it('a resource has the labels of what the tools of its upstream return', async () => {
    const returns = (text: string) =>
      good(text).then(({ upstreams }) => {
        const tools = upstreams.get('payments-test' as UpstreamName)?.tools
        return tools?.get('resource:book://{id}' as ToolName)?.returns
      })
    const labelled =
      'orders.get: { effect: read, returns: { $: ["confidential:a", untrusted], $.id: ["confidential:b"] } }'
    assert.deepEqual(await returns(GOOD.replace('orders.get: { effect: read }', labelled)), [
      { path: [], labels: ['untrusted', 'confidential:a', 'confidential:b'] },
    ])
    assert.equal(await returns(GOOD), undefined)
  })

  it('S6: refuses an origin in two environments', async () => {
    const found = await problems(
      GOOD.replace(
        'agents:',
        '  payments:\n    environment: production\n    mcp: { url: "http://127.0.0.1:8081/other" }\nagents:',
      ),
    )
    assert.match(found[0]?.message ?? '', /belongs to environment "test" already/)
  })

  const EGRESS = (test: string, production = '[]') =>
    GOOD.replace('test: {}', `test: { egress: ${test} }`).replace(
      'production: {}',
      `production: { egress: ${production} }`,
    )
  const places: readonly (readonly [what: string, text: string, line: number, message: RegExp])[] = [
    ['an origin with a path', EGRESS('["https://a.example/x"]'), 3, /found "https:\/\/a.example\/x"/],
    ['an origin without a scheme', EGRESS('[a.example]'), 3, /found "a.example"/],
    ['an origin with a name in it', EGRESS('["https://u@a.example"]'), 3, /found/],
    [
      'an upstream that a relay would reach past the gateway',
      EGRESS('["http://127.0.0.1:8081"]'),
      3,
      /egress http:\/\/127.0.0.1:8081 .* belongs to upstream "payments-test": .* past the gateway/,
    ],
    ...[
      '127.0.0.1',
      'localhost',
      '127.0.0.2',
      '0.0.0.0',
      '[::1]',
      '[::ffff:127.0.0.1]',
      'a.localhost.',
      '2130706433',
      hostname(),
      ...OWN,
    ].map(
      (host) =>
        [
          `another environment’s upstream, as ${host}`,
          EGRESS('[]', `["http://${host}:8081"]`),
          4,
          /belongs to environment "test" already \(upstream "payments-test"\)/,
        ] as const,
    ),
    [
      'another environment’s egress, in another scheme',
      EGRESS('["https://a.example"]', '["http://A.example.:443"]'),
      4,
      /belongs to environment "test" already \(its egress\)/,
    ],
    [
      'a relay somewhere else',
      GOOD.replace('mcp: { url', 'relay: true\n    mcp: { url'),
      7,
      /"payments-test" is a relay somewhere else/,
    ],
    [
      'a remote that is no relay',
      GOOD.replace('mcp: { url', 'remote: accepted\n    mcp: { url'),
      7,
      /goes with "relay/,
    ],
    [
      'a remote that is here',
      GOOD.replace('mcp: { command', 'relay: true\n    remote: accepted\n    mcp: { command'),
      14,
      /goes with "relay: true" and a url/,
    ],
  ]
  for (const [what, text, line, message] of places) {
    it(`S6: refuses ${what}`, async () => {
      const found = await problems(text)
      assert.ok(
        found.some((problem) => message.test(problem.message) && problem.source.line === line),
        JSON.stringify(found, null, 1),
      )
    })
  }

  it('reads egress and relays', async () => {
    const text = EGRESS('["https://a.example", "http://10.0.0.1:80"]').replace(
      'mcp: { command',
      'relay: true\n    mcp: { command',
    )
    const config = await good(text)
    const [test] = config.environments.values()
    assert.deepEqual(
      test?.egress.map(({ value }) => value.origin),
      ['https://a.example', 'http://10.0.0.1'],
    )
    assert.deepEqual(
      [...config.upstreams.values()].map(({ relay }) => relay),
      [false, true],
    )
    await good(GOOD.replace('mcp: { url', 'relay: true\n    remote: accepted\n    mcp: { url'))
  })

  it('S6: refuses a secret in two environments', async () => {
    const found = await problems(
      GOOD.replace(
        'agents:',
        '  payments:\n    environment: production\n    mcp: { url: "https://a.example", headers: { x-key: "${secret:payments}" } }\nagents:',
      ),
    )
    assert.match(found[0]?.message ?? '', /secret "payments" belongs to environment "test" already/)
  })

  it('S6: refuses one secret under two names in two environments', async () => {
    const two = GOOD.replace(
      'agents:',
      '  payments:\n    environment: production\n    mcp: { url: "https://a.example", headers: { x-key: "${secret:more}" } }\nagents:',
    )
    const found = await problems(`${two}  more: { env: PAYMENTS_TOKEN }\n`)
    assert.match(found[0]?.message ?? '', /"more" is read from where "payments" of environment "test" is/)
    assert.equal(found[0]?.source.line, 33)
    await good(`${two}  more: { env: OTHER_TOKEN }\n`)
  })

  it('refuses two keys that are one name: the first would be lost', async () => {
    const [problem] = await problems(GOOD.replace('headers: { Auth', 'headers: { authorization: "none", Auth'))
    assert.match(problem?.message ?? '', /Authorization/)
    assert.match(problem?.expected ?? '', /"authorization" is another key’s/)
  })

  it('reports everything that is wrong at once', async () => {
    const found = await problems(GOOD.replace('cpu: 0.5', 'cpu: 0').replace('expires: 8h', 'expires: never'))
    assert.equal(found.length, 2)
  })
})

describe('undo and check of a tool', () => {
  const UNDOABLE = GOOD.replace(
    'refunds.create: { effect: spend, amount: $.amount, currency: $.currency }',
    `refunds.create: { effect: spend, amount: $.amount, currency: $.currency, undo: UNDO, check: CHECK }
      refunds.cancel: { effect: write }
      payouts.approve: { effect: irreversible }`,
  )
  const UNDO = '{ tool: refunds.cancel, args: { id: $result.id, key: $undo, note: { by: firebreak } } }'
  const CHECK =
    '{ tool: orders.get, args: { id: $args.order }, undone: { $.state: [cancelled, refunded], $.open: false } }'
  const written = (undo: string, check = CHECK) => UNDOABLE.replace('UNDO', undo).replace('CHECK', check)
  const messages = async (text: string) => (await problems(text)).map(({ message }) => message)

  it('are read as they are written', async () => {
    const config = await good(written(UNDO))
    const tool = config.upstreams.get('payments-test' as UpstreamName)?.tools.get('refunds.create' as ToolName)
    assert.deepEqual(tool?.undo, {
      tool: 'refunds.cancel',
      args: { id: '$result.id', key: '$undo', note: { by: 'firebreak' } },
    })
    assert.deepEqual(tool?.check?.undone, [
      { path: [{ name: 'state' }], values: ['cancelled', 'refunded'] },
      { path: [{ name: 'open' }], values: [false] },
    ])
  })

  it('name tools of the same upstream that can do it, and values that there are', async () => {
    const cases: readonly (readonly [undo: string, check: string, message: RegExp])[] = [
      [
        '{ tool: refunds.revoke }',
        CHECK,
        /the undo of "refunds.create" is "refunds.revoke", which is not declared on the same upstream/,
      ],
      ['{ tool: refunds.create }', CHECK, /"refunds.create" is declared to undo itself/],
      ['{ tool: orders.get }', CHECK, /"orders.get" reads: it undoes nothing/],
      [
        '{ tool: refunds.cancel, args: { id: $answer.id } }',
        CHECK,
        /an argument of the undo of "refunds.create" begins with "\$" and names nothing/,
      ],
      [
        '{ tool: refunds.cancel, args: { ids: { all: ["$result.rows[*].id"] } } }',
        CHECK,
        /begins with "\$" and names nothing/,
      ],
      [
        UNDO,
        '{ tool: refunds.cancel, undone: { $.state: x } }',
        /"refunds.cancel" has an effect: it cannot be a check/,
      ],
      [
        UNDO,
        '{ tool: nothing, undone: { $.state: x } }',
        /the check of "refunds.create" is "nothing", which is not declared/,
      ],
      [UNDO, '{ tool: orders.get, undone: {} }', /the check of "refunds.create" says nothing/],
      [UNDO, '{ tool: orders.get, undone: { "$.rows[*].state": x } }', /looks into a list/],
    ]
    for (const [undo, check, message] of cases) {
      const found = await messages(written(undo, check))
      assert.ok(found.length === 1 && message.test(String(found[0])), `${undo} ${check}: ${found.join(' | ')}`)
    }
    const irreversible = written(UNDO).replace('effect: irreversible }', `effect: irreversible, undo: ${UNDO} }`)
    assert.match((await messages(irreversible)).join(), /"payouts.approve" is irreversible, and declares an undo/)
    const reads = written(UNDO).replace(
      'orders.get: { effect: read }',
      `orders.get: { effect: read, undo: ${UNDO}, check: ${CHECK} }`,
    )
    assert.deepEqual(await messages(reads), [
      '"orders.get" reads, and has nothing to undo',
      '"orders.get" reads, and has no effect to check',
    ])
  })

  it('are granted by their environment, to undo alone', async () => {
    const granting = (tools: string, environment = 'test: {}') =>
      written(UNDO).replace(
        environment,
        `${environment.slice(0, -3)} { undo: { owner: joao.costa@shop.example, grants: [{ upstream: payments-test, tools: ${tools}, budget: { calls: 100/day }, expires: 1h }] } }`,
      )
    const config = await good(granting('[refunds.cancel, orders.get]'))
    const [undo] = [...config.environments.values()].flatMap(({ undo: own }) => own ?? [])
    assert.equal(undo?.owner, 'joao.costa@shop.example')
    assert.equal(undo.grants.length, 1)
    assert.match(
      (await messages(granting('[payouts.approve]'))).join(),
      /undo is granted "payouts.approve", which is no tool's undo or check/,
    )
    assert.match(
      (await messages(granting('[refunds.cancel]', 'production: {}'))).join(),
      /belongs to environment "test"/,
    )
    const hardened = granting('[refunds.cancel]').replace('{ undo:', '{ hardened: true, undo:')
    assert.match((await messages(hardened)).join(), /names no approver/)
    const taken = written(UNDO).replace('  refund-bot:', '  undo:')
    assert.match((await messages(taken)).join(), /the name "undo" is kept for what compensates/)
  })
})
