import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/kit/runs.ts'
import { credentialsIn } from './clients/credentials.ts'
import { type ClientFile, type NamedServer, readMcpServers, SecretPlan, serverFrom } from './mcp-servers.ts'

const host = {
  variables: { SEARCH_URL: 'https://search.shop.example', PLAIN: 'plain', GITHUB_TOKEN: 'ghp_0123456789abcdefghij' },
  project: '/srv/shop',
  home: '/home/ana',
  readFile: (path: string) => (path === '/srv/shop/.env' ? 'REGION=eu # where\nAPI_KEY="tok-0123456789"\n' : undefined),
}

function read(text: string, secrets = new SecretPlan()): ClientFile {
  const file = readMcpServers(text, host, secrets)
  assert.ok(file.ok, file.ok ? '' : file.reason)
  return file.value
}

/** The one server of such a file, and the secrets that were made of it. */
function one(server: object, around: object = {}) {
  const secrets = new SecretPlan()
  const file = read(JSON.stringify({ mcpServers: { shop: server }, ...around }), secrets)
  const [only] = file.servers
  assert.ok(only !== undefined, JSON.stringify(file.leftOut))
  return {
    server: only,
    secrets: secrets.all,
    clear: JSON.stringify(only, (_, value) => (value instanceof Map ? [...value] : value)),
  }
}

function stdio(server: NamedServer) {
  assert.ok(server.kind === 'stdio')
  return { ...server, env: Object.fromEntries(server.env) }
}

function http(server: NamedServer) {
  assert.ok(server.kind === 'http')
  return { ...server, headers: Object.fromEntries(server.headers) }
}

describe('servers as clients have them', () => {
  it('are found under the key of each client, in a bare map, in a list, and for each project', () => {
    const shop = { command: 'node', args: ['shop.js'] }
    const files: readonly object[] = [
      { mcpServers: { shop } },
      { servers: { shop } },
      { mcp: { servers: { shop } } },
      { 'mcp.servers': { shop } },
      { context_servers: { shop: { source: 'custom', command: { path: 'node', args: ['shop.js'] } } } },
      { mcp: { shop: { type: 'local', command: ['node', 'shop.js'], enabled: true } } },
      { shop, _comment: 'ours' },
      { mcpServers: [{ name: 'shop', ...shop }] },
      { experimental: { modelContextProtocolServers: [{ name: 'shop', transport: { type: 'stdio', ...shop } }] } },
      { projects: { '/srv/shop': { mcpServers: { shop } } } },
    ]
    for (const file of files) {
      const [server] = read(JSON.stringify(file)).servers
      assert.ok(server?.kind === 'stdio', JSON.stringify(file))
      assert.deepEqual([server.name, server.command], ['shop', ['node', 'shop.js']])
    }
    for (const key of ['url', 'serverUrl', 'httpUrl'])
      assert.equal(http(one({ [key]: 'https://a.example/mcp' }).server).url, 'https://a.example/mcp')
  })

  it('are read past a byte order mark, comments and trailing commas, and a key that stands twice is told', () => {
    const text = `\uFEFF{ // ours
      "mcpServers": { /* "old": {}, */ "a": { "command": "x", "args": ["//", "/* no */",], }, "b": { "command": "y" }, "b": { "command": "z" }, },
    }`
    const { servers, notes } = read(text)
    assert.deepEqual(
      servers.map((server) => server.kind === 'stdio' && server.command),
      [['x', '//', '/* no */'], ['z']],
    )
    assert.deepEqual(notes, ['mcpServers.b stands twice: the last was taken'])
    const yaml = read('mcpServers:\n  - name: shop\n    command: node\n    args: [shop.js]\n')
    assert.equal(yaml.servers[0]?.name, 'shop')
    const bad = readMcpServers('{\n  "mcpServers": { a: 1 } }', host, new SecretPlan())
    assert.ok(!bad.ok)
    assert.match(bad.reason, /not JSON: line 2, column 19: a key in double quotes/)
  })

  it('get names that are fit and each its own', () => {
    const server = { command: 'x' }
    const keys = ['@21st-dev/magic', 'my_db', 'my-db', 'Größe', '商店', 'firebreak', 'a'.repeat(60)]
    const { servers } = read(JSON.stringify({ mcpServers: Object.fromEntries(keys.map((key) => [key, server])) }))
    const names = ['s-21st-dev-magic', 'my-db', 'my-db-2', 'gro-e', 'server', 'firebreak-server', 'a'.repeat(48)]
    assert.deepEqual(
      servers.map(({ name }) => name),
      names,
    )
    assert.deepEqual(
      servers.map(({ key }) => key),
      keys,
    )
  })

  it('cost no other where one of them cannot be taken, and each is told with its reason', () => {
    const mcpServers = {
      good: { command: 'x' },
      nothing: { args: ['x'] },
      extension: { source: 'extension', settings: {} },
      socket: { type: 'websocket', url: 'wss://a.example' },
      odd: { command: 'x', args: ['${command:pick}'] },
      unset: { url: 'https://${NO_SUCH_HOST}/mcp' },
      text: 'x',
      args: { command: 'x', args: [{ a: 1 }] },
    }
    const { servers, leftOut } = read(JSON.stringify({ mcpServers }))
    assert.deepEqual(
      servers.map(({ name }) => name),
      ['good'],
    )
    const why = Object.fromEntries(leftOut.map((each) => [each.key, each.why]))
    assert.match(why.nothing ?? '', /neither a command nor a url/)
    assert.match(why.extension ?? '', /neither a command nor a url/)
    assert.match(why.socket ?? '', /WebSocket/)
    assert.match(why.odd ?? '', /command/)
    assert.match(why.unset ?? '', /says where only once variables are set/)
    assert.match(why.text ?? '', /no object/)
    assert.match(why.args ?? '', /no list of texts/)
  })

  it('keep what is written: numbers and truth values in env, cwd, envFile, disabled; what is dropped is named', () => {
    const { server } = one({
      command: 'node server.js --quiet',
      env: { PORT: 8123, DEBUG: true, GONE: null },
      cwd: '${workspaceFolder}/sub',
      envFile: '${workspaceFolder}/.env',
      disabled: true,
      alwaysAllow: ['x'],
      timeout: 60,
    })
    const { command, env, cwd, disabled, notes } = stdio(server)
    assert.deepEqual(command, ['node', 'server.js', '--quiet'])
    assert.deepEqual(env, { REGION: 'eu', API_KEY: '${secret:shop-api-key}', PORT: '8123', DEBUG: 'true' })
    assert.deepEqual([cwd, disabled], ['/srv/shop/sub', true])
    assert.match(notes.join(), /not taken over: alwaysAllow, timeout/)
    assert.deepEqual(stdio(one({ command: 'x', env: null }).server).env, {})
    assert.match(one({ command: 'x', envFile: 'none.env' }).server.notes.join(), /none.env cannot be read/)
  })

  it('have their variables put in where they are harmless, and read at each start where they are not', () => {
    const { server, secrets } = one({
      url: '${SEARCH_URL:-https://other.example}/mcp?region=${REGION:-eu}&k=${K_TOKEN}',
      headers: { Authorization: 'Bearer ${env:SEARCH_TOKEN}', 'X-Plain': '${PLAIN}' },
    })
    const { url, headers, notes } = http(server)
    assert.equal(url, 'https://search.shop.example/mcp?region=eu&k=${secret:k-token}')
    assert.deepEqual(headers, { Authorization: 'Bearer ${secret:search-token}', 'X-Plain': 'plain' })
    assert.deepEqual(
      secrets.map((each) => each.kind === 'variable' && [each.name, each.variable]),
      [
        ['k-token', 'K_TOKEN'],
        ['search-token', 'SEARCH_TOKEN'],
      ],
    )
    assert.match(notes.join(), /SEARCH_URL was read here.*REGION is not set, its default was taken/)
    const set = one({ command: 'x', env: { TOKEN: '${GITHUB_TOKEN}', HOME: '${userHome}', COST: '5 $US and $PLAIN' } })
    assert.deepEqual(stdio(set.server).env, {
      TOKEN: '${secret:github-token}',
      HOME: '/home/ana',
      COST: '5 $US and plain',
    })
    assert.doesNotMatch(set.clear, /ghp_/)
  })

  it('S10: name what an address gets of this host, and read no file outside of their project', () => {
    const remote = (envFile: string, ...headers: readonly string[]) =>
      one({
        command: 'npx',
        args: ['mcp-remote', 'https://a.example/mcp', ...headers],
        envFile,
        env: { N: '${PLAIN}' },
      })
    const taken = remote('.env', '--header', 'X-K: ${API_KEY}', '--header', 'X-Ns: ${N}-${REGION}-${SEARCH_URL:-b}')
    assert.deepEqual(http(taken.server).headers, {
      'X-K': '${secret:shop-api-key}',
      'X-Ns': 'plain-eu-https://search.shop.example',
    })
    const carries = ['API_KEY of /srv/shop/.env', 'PLAIN', 'REGION of /srv/shop/.env', 'SEARCH_URL']
    assert.deepEqual(http(taken.server).carries, carries)
    const url = 'https://a.example/${workspaceFolderBasename}?t=${GITHUB_TOKEN}&u=${UNSET_TOKEN}&v=${UNSET:-x}'
    assert.deepEqual(http(one({ url }).server).carries, ['workspaceFolderBasename', 'GITHUB_TOKEN'])
    for (const outside of ['../shop/../.env', '/srv/shopping/.env', '${userHome}/.aws/credentials']) {
      const { server } = remote(outside, '--header', 'X-K: ${API_KEY}')
      assert.match(server.notes.join(), /lies outside of \/srv\/shop: its variables are missing/, outside)
      assert.deepEqual(http(server).carries, [])
    }
    const typed = serverFrom('shop=https://a.example/?t=${GITHUB_TOKEN}', host, new SecretPlan())
    assert.deepEqual(typed.ok && http(typed.value).carries, [], 'whoever typed it has read it')
  })

  it('S10: make no reference of ours out of what a file says, whatever it is put together with', () => {
    const nested = '${sec${NOPE:-ret:github-token}}'
    const carrier = (...args: readonly string[]) => ({
      command: 'npx',
      args: ['mcp-remote', 'https://a.example/mcp', ...args],
      env: { A: '${sec', B: 'ret:github-token}' },
      envFile: '.env',
    })
    const whole: readonly object[] = [
      { url: `https://a.example/${nested}` },
      { url: 'https://a.example/$%7Bsecret:github-token%7D' },
      { url: 'https://a.example/$%7bsecret:github-token%7d' },
      { url: 'https://a.example/$%7Bsec\tret:github-token%7D' },
      { url: 'https://a.example/?k=${sec\nret:github-token}${NOPE:-}' },
      { url: 'https://a.example/${NOPE:-$}%7Bsecret:github-token%7D' },
      { url: 'https://a.example/${sec${input:rest}}' },
      { command: 'node', args: [nested] },
      { command: 'npx', args: ['mcp-remote', `https://a.example/${nested}`] },
    ]
    const around = { inputs: [{ id: 'rest', default: 'ret:github-token' }] }
    for (const shop of whole) {
      const { servers, leftOut } = read(JSON.stringify({ mcpServers: { shop }, ...around }))
      assert.deepEqual(servers, [], JSON.stringify(shop))
      assert.match(leftOut[0]?.why ?? '', /what would be read as a reference to a secret of yours/)
    }
    const partly: readonly object[] = [
      { url: 'https://a.example/mcp', headers: { 'X-T': nested } },
      { url: 'https://a.example/mcp', headers: { 'X-T': '${sec${input:rest}}' } },
      { url: 'https://a.example/mcp', headers: { 'X-T': '${sec${FROM_HOST}}' } },
      { url: 'https://a.example/mcp', headers: { 'X-T': '${secret:${GITHUB_TOKEN}}' } },
      carrier('--header', 'X-T: ${A}ret:github-token}'),
      carrier('--header', 'X-T: ${A}${B}'),
      { command: 'node', env: { X: nested } },
    ]
    const before = host.variables
    for (const shop of partly) {
      const variables = { ...before, FROM_HOST: 'ret:github-token' }
      const file = readMcpServers(
        JSON.stringify({ mcpServers: { shop }, ...around }),
        { ...host, variables },
        new SecretPlan(),
      )
      const [server] = file.ok ? file.value.servers : []
      assert.ok(server !== undefined, JSON.stringify(shop))
      const texts = server.kind === 'http' ? server.headers : server.env
      assert.deepEqual([...texts], [], JSON.stringify(shop))
      assert.match(server.notes.join(), /X(?:-T)? is left out/)
    }
  })

  it('S10: name every value of this host that an address gets, out of whatever pieces it is written', () => {
    const piece = fc.constantFrom(
      ...['${', '}', '$', '{', 'sec', 'ret', ':', 'secret:', 'github-token', '$%7B', '$%7b', '%7D', '%24', '\t', '\n'],
      ...[
        '${NOPE:-',
        '${NOPE:-$}',
        '${A}',
        '${B}',
        '${GITHUB_TOKEN}',
        '${input:rest}',
        'GITHUB_TOKEN',
        '${env:',
        '/',
        '..',
      ],
    )
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    const counts = { carrying: 0, kept: 0 }
    fc.assert(
      fc.property(text, text, text, text, fc.boolean(), (path, header, a, b, carried) => {
        const url = `https://a.example/${path}`
        const web = carried
          ? { command: 'npx', args: ['mcp-remote', url, '--header', `X-T: ${header}`], env: { A: a, B: b } }
          : { url, headers: { 'X-T': header } }
        const local = { command: 'node', env: { GITHUB_TOKEN: '${GITHUB_TOKEN}' } }
        const file = read(JSON.stringify({ mcpServers: { local, web }, inputs: [{ id: 'rest', default: a }] }))
        const server = file.servers.find(({ key }) => key === 'web')
        if (server?.kind !== 'http') return
        counts.kept++
        // Read otherwise than the code reads: all that could ever be taken for one.
        const sent = [new URL(server.url).href, ...server.headers.values()].map((each) =>
          each.replaceAll(/%7b/gi, '{').replaceAll(/%24/g, '$').toLowerCase(),
        )
        const carries = sent.some((each) => each.includes('${secret:github-token}'))
        if (carries) counts.carrying++
        const told = server.carries.includes('GITHUB_TOKEN')
        assert.ok(told || !carries, JSON.stringify([web, server.url, [...server.headers]]))
      }),
      { numRuns: runs(800, 3_000) },
    )
    assert.ok(counts.carrying > runs(20, 50) && counts.kept > counts.carrying, JSON.stringify(counts))
  })

  it('have the directory in which a shell stands, which is no password', () => {
    const around = { ...host, variables: { PWD: '/srv/shop', OLDPWD: '/srv', PG_PWD: 'tok-0123456789' } }
    const env = { PLACE: '${PWD}', PWD: '${PWD}', BEFORE: '${OLDPWD}', PG: '${PG_PWD}' }
    const secrets = new SecretPlan()
    const file = readMcpServers(JSON.stringify({ mcpServers: { shop: { command: 'node', env } } }), around, secrets)
    const [server] = file.ok ? file.value.servers : []
    assert.ok(server !== undefined)
    const { PLACE, PWD, BEFORE } = stdio(server).env
    assert.deepEqual([PLACE, PWD, BEFORE], ['/srv/shop', '/srv/shop', '/srv'])
    assert.equal(secrets.all.length, 1)
  })

  it('ask for VS Code’s inputs as for variables', () => {
    const inputs = [
      { type: 'promptString', id: 'shop-key', description: 'Key of the shop', password: true },
      { type: 'promptString', id: 'region', default: 'eu' },
    ]
    const { server, secrets } = one(
      { command: 'x', args: ['--region', '${input:region}'], env: { KEY: '${input:shop-key}' } },
      { inputs },
    )
    assert.deepEqual(stdio(server).command, ['x', '--region', 'eu'])
    assert.deepEqual(stdio(server).env, { KEY: '${secret:shop-key}' })
    assert.deepEqual(secrets, [{ kind: 'variable', variable: 'SHOP_KEY', about: 'Key of the shop', name: 'shop-key' }])
  })

  it('S10: have no input that would be read from the variable of another one', () => {
    const inputs = ['shop-key', 'shop_key'].map((id) => ({ type: 'promptString', id, password: true }))
    const shop = { url: 'https://a.example/mcp', headers: { 'X-Key': '${input:shop-key}' } }
    const { servers, leftOut } = read(JSON.stringify({ mcpServers: { shop }, inputs }))
    const [server] = servers
    const told = JSON.stringify([leftOut, server?.notes])
    assert.match(told, /SHOP_KEY would stand for shop_key, too: give one another id/)
    assert.doesNotMatch(JSON.stringify([...(server?.kind === 'http' ? server.headers.values() : [])]), /secret:/)
  })

  it('are taken at their own address where a program only carries them', () => {
    const cases: readonly (readonly [object, string, Readonly<Record<string, string>>])[] = [
      [{ command: 'npx', args: ['-y', 'mcp-remote@latest', 'https://a.example/mcp'] }, 'https://a.example/mcp', {}],
      [
        {
          command: 'npx',
          args: ['mcp-remote', 'https://a.example/mcp', '--header', 'Authorization:${AUTH}', '--allow-http'],
          env: { AUTH: 'Bearer abcdefgh12345678' },
        },
        'https://a.example/mcp',
        { Authorization: 'Bearer ${secret:shop-auth}' },
      ],
      [
        { command: 'cmd', args: ['/c', 'npx', '-y', 'mcp-remote', 'https://a.example/mcp', '--header=X-Org: shop'] },
        'https://a.example/mcp',
        { 'X-Org': 'shop' },
      ],
      [
        {
          command: 'npx',
          args: ['supergateway', '--streamableHttp', 'https://a.example/mcp', '--oauth2Bearer', 'abcdefgh12345678'],
        },
        'https://a.example/mcp',
        { Authorization: 'Bearer ${secret:shop-authorization}' },
      ],
      [
        { command: 'uvx', args: ['mcp-proxy', '--headers', 'X-Org', 'shop', 'https://a.example/mcp'] },
        'https://a.example/mcp',
        { 'X-Org': 'shop' },
      ],
    ]
    for (const [written, url, headers] of cases) {
      const { server, clear } = one(written)
      assert.deepEqual([http(server).url, http(server).headers], [url, headers])
      assert.doesNotMatch(clear, /abcdefgh12345678/)
    }
    assert.match(
      http(one({ command: 'npx', args: ['mcp-remote', 'https://a/mcp', '9696'] }).server).notes.join(),
      /mcp-remote’s 9696/,
    )
    assert.equal(one({ command: 'npx', args: ['supergateway', '--stdio', 'node x.js'] }).server.kind, 'stdio')
    assert.match(one({ type: 'sse', url: 'https://a.example/sse' }).server.notes.join(), /older SSE transport/)
  })

  it('are named on a command line, with words as a shell keeps them together', () => {
    const at = serverFrom(`files=node server.js "two words" --to='a b'`, host, new SecretPlan())
    assert.ok(at.ok && at.value.kind === 'stdio')
    assert.deepEqual(at.value.command, ['node', 'server.js', 'two words', '--to=a b'])
    const url = serverFrom('pay=https://pay.example/mcp?a=b', host, new SecretPlan())
    assert.ok(url.ok && url.value.kind === 'http')
    assert.equal(url.value.url, 'https://pay.example/mcp?a=b')
    assert.ok(!serverFrom('node server.js', host, new SecretPlan()).ok)
  })
})

describe('credentials in a client’s file', () => {
  it('are in nothing that is written, wherever they stood, and what stands around them stays', () => {
    const { server, clear, secrets } = one({
      command: 'node',
      args: [
        's.js',
        'postgresql://orders:s3cr3t-pw@db.example/o',
        '--api-key',
        'ctx-0123456789',
        '--token=t-0123456789',
        '-H',
        'X-Api-Key: k-0123456789',
      ],
      env: {
        MONGODB_URI: 'mongodb://m:pw12345678@db.example/m',
        AZURE_DEVOPS_PAT: 'azpat0123456789',
        CONNECTION: 'Server=db;User=sa;Password=Pw!23456;Encrypt=true',
        DISCORD_WEBHOOK: 'https://discord.example/api/webhooks/1/abcdefgh',
        OPENAPI_MCP_HEADERS: '{"Authorization": "Bearer ntn_0123456789abcdefgh", "Notion-Version": "2022-06-28"}',
        TOKENIZERS_PARALLELISM: 'false',
        KEYCLOAK_REALM: 'shop',
        BASE_URL: 'http://127.0.0.1:1',
        MAX_TOKENS: '4096',
      },
    })
    assert.deepEqual(stdio(server).command, [
      'node',
      's.js',
      'postgresql://orders:${secret:shop-password}@db.example/o',
      '--api-key',
      '${secret:shop-api-key}',
      '--token=${secret:shop-token}',
      '-H',
      'X-Api-Key: ${secret:shop-x-api-key}',
    ])
    const { env } = stdio(server)
    assert.equal(env.MONGODB_URI, 'mongodb://m:${secret:shop-password-2}@db.example/m')
    assert.equal(env.AZURE_DEVOPS_PAT, '${secret:shop-azure-devops-pat}')
    assert.equal(env.CONNECTION, 'Server=db;User=sa;Password=${secret:shop-password-3};Encrypt=true')
    assert.match(env.DISCORD_WEBHOOK ?? '', /^https:\/\/discord.example\/.*\$\{secret:shop-webhook\}$/)
    assert.equal(
      env.OPENAPI_MCP_HEADERS,
      '{"Authorization": "Bearer ${secret:shop-authorization}", "Notion-Version": "2022-06-28"}',
    )
    const plain = {
      TOKENIZERS_PARALLELISM: 'false',
      KEYCLOAK_REALM: 'shop',
      BASE_URL: 'http://127.0.0.1:1',
      MAX_TOKENS: '4096',
    }
    for (const [key, value] of Object.entries(plain)) assert.equal(env[key], value)
    for (const secret of secrets) assert.ok(secret.kind === 'literal' && !clear.includes(secret.value), secret.name)
  })

  it('of an address become a header or a part of it', () => {
    const { server, secrets, clear } = one({
      url: 'https://ana:pa55-word@a.example/s/Zk3vQ9xT7bLm2NpR8wYc/mcp?api_key=sk-live-0123456789',
    })
    const { url, headers } = http(server)
    assert.equal(url, 'https://a.example/s/${secret:shop-token}/mcp?api_key=${secret:shop-api-key}')
    assert.deepEqual(headers, { Authorization: 'Basic ${secret:shop-authorization}' })
    assert.ok(
      secrets.some((each) => each.kind === 'literal' && each.value === Buffer.from('ana:pa55-word').toString('base64')),
    )
    assert.doesNotMatch(clear, /pa55|sk-live|Zk3v/)
  })

  it('are known in what people write, and what only sounds like one is none', () => {
    const secret: readonly (readonly [string, string])[] = [
      ['X', 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'],
      ['CONFIG', '{"db":{"password":"hunter2hunter2"}}'],
      ['X', 'https://hooks.slack.com/services/T000/B000/XXXXYYYY'],
      ['X', 'AKIAIOSFODNN7EXAMPLE'],
      ['DATABASE_URL', 'postgres://u:p%40ss1234@h/db'],
      ['X', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc'],
      ['AUTH', 'user:longpassword1'],
      ['-u', 'ana:secretpw1'],
      ['X', 'curl -H "Authorization: Token abcdefgh1234" x'],
      ['X', 'AccountName=a;AccountKey=Zm9vYmFyYmF6cXV4Zm9v==;EndpointSuffix=x'],
      ['sentry', 'https://0123456789abcdef0123456789abcdef@o1.ingest.example/1'],
      ['X', '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----'],
      ['dbPassword', 'correct horse battery'],
      ['PRIVATE_KEY', '0x4c0883a69102937d6231471b5dbb6204fe51'],
    ]
    for (const [key, value] of secret) assert.notDeepEqual(credentialsIn(value, key), [], `${key}=${value}`)
    const plain: readonly (readonly [string, string])[] = [
      ['PROJECT_ID', '550e8400-e29b-41d4-a716-446655440000'],
      ['MODEL', 'claude-3-5-sonnet-20241022'],
      ['X', '@modelcontextprotocol/server-filesystem@2025.8.21'],
      ['TOKEN_LIMIT', '4096'],
      ['X', '/home/ana/projects/very-long-directory-name-2024/src'],
      ['IMAGE', 'ghcr.io/org/app@sha256:4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318'],
      ['TOKEN_URL', 'https://login.example/oauth/token'],
      ['AUTH_TYPE', 'basic'],
      ['SORT_KEY', 'name'],
      ['X', 'https://api.shop.example/v1/orders?limit=10&page=2'],
      ['X', 'NODE_OPTIONS=--max-old-space-size=4096'],
    ]
    for (const [key, value] of plain) assert.deepEqual(credentialsIn(value, key), [], `${key}=${value}`)
  })

  it('that are too short to be found again are left out, and said', () => {
    const { server, clear } = one({ command: 'x', env: { DB_PASSWORD: 'pw1', PORT: '1' } })
    assert.deepEqual(stdio(server).env, { PORT: '1' })
    assert.match(server.notes.join(), /DB_PASSWORD is left out: DB_PASSWORD has under 8 characters/)
    assert.doesNotMatch(clear, /pw1/)
    const wider = one({ command: 'x', args: ['redis://:pw1@cache.example/0'] })
    assert.deepEqual(stdio(wider.server).command, ['x', '${secret:shop-password}'])
  })
})
