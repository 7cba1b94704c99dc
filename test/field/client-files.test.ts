/** Servers as people have them in their clients’ files: taken, put into cells, asked, with no credential in clear. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { repository, SKIP } from '../kit/command-line.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { shellOn, terminal } from '../kit/terminal.ts'
import { until } from '../kit/until.ts'

function written(directory: string, name: string, text: string, mode = 0o644): string {
  const place = join(directory, name)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, text, { mode })
  return place
}

/** As a person in a directory: what relative names mean depends on it. */
function firebreakIn(cwd: string, ...args: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: '/home/somebody' }
  const ran = spawnSync(join(repository, 'bin/firebreak'), args, { cwd, env, encoding: 'utf8', timeout: 240_000 })
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr }
}

const ANSWER = `export function serve(name, fit = true) {
  if (!fit) { console.error('Error: not what was asked for: ' + process.argv.length); process.exit(1) }
  let rest = ''
  process.stdin.on('data', (chunk) => {
    const lines = (rest + chunk).split('\\n')
    rest = lines.pop()
    for (const line of lines) {
      const { id, method, params } = JSON.parse(line)
      if (id === undefined) continue
      const result = method === 'initialize'
        ? { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name, version: '1' } }
        : method === 'tools/list' ? { tools: [{ name, inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }] }
        : method === 'tools/call' ? { content: [{ type: 'text', text: 'here: ' + process.argv.at(-1) }] } : undefined
      const error = { code: -32601, message: 'unknown' }
      console.log(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) }))
    }
  })
}`

const PYTHON = `import sys, json
import shoplib
for line in sys.stdin:
    m = json.loads(line)
    if 'id' not in m: continue
    if m['method'] == 'initialize': r = {'result': {'protocolVersion': m['params']['protocolVersion'], 'capabilities': {'tools': {}}, 'serverInfo': {'name': 's', 'version': '1'}}}
    elif m['method'] == 'tools/list': r = {'result': {'tools': [shoplib.TOOL]}}
    else: r = {'error': {'code': -32601, 'message': 'unknown'}}
    print(json.dumps({'jsonrpc': '2.0', 'id': m['id'], **r}), flush=True)
`

const KEY = 'ctx7-0123456789abcdef'
const WORD = 'p4ss-word-of-orders'
const QUERY = 'sk-live-0123456789abcdef'

/** An upstream that answers whoever names the key in its address. */
async function keyedServer(asked: string[]): Promise<string> {
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const fit = request.url === `/s/Zk3vQ9xT7bLm2NpR8wYc/mcp?api_key=${QUERY}`
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      if (!fit || request.method !== 'POST') {
        response.writeHead(fit ? 405 : 401).end()
        return
      }
      const { id, method, params } = JSON.parse(body)
      if (id === undefined) {
        response.writeHead(202).end()
        return
      }
      const result =
        method === 'initialize'
          ? {
              protocolVersion: params.protocolVersion,
              capabilities: { tools: {} },
              serverInfo: { name: 'k', version: '1' },
            }
          : method === 'tools/list'
            ? { tools: [{ name: 'seek', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }] }
            : undefined
      const answer = result === undefined ? { error: { code: -32601, message: 'unknown' } } : { result }
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp(() => void server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

describe('an address of a client’s file that is sent values of this host', { skip: SKIP }, () => {
  it('is asked only once a person has said so on a terminal, each by itself', async () => {
    const home = temporaryDirectory()
    const asked: string[] = []
    const origin = await keyedServer(asked)
    const server = (path: string) => ({ url: `${origin}/${path}`, headers: { 'X-Set': `\${FIREBREAK_SET}` } })
    const servers = { first: server('first'), second: server('second'), third: server('third') }
    const file = written(home, '.mcp.json', JSON.stringify({ mcpServers: servers }))
    const own = terminal()
    const begun = shellOn(own, `cd ${home}; firebreak init fb --mcp ${file}; echo ended $?; sleep 60`, {
      FIREBREAK_SET: 'a-value-of-this-host',
    })
    const answers = { first: 'n', second: 'y', third: '' }
    for (const [name, said] of Object.entries(answers)) {
      const question = `${name}: ${origin} would be sent FIREBREAK_SET of this host. Ask it what it offers? [y/N]`
      await until(`it asks about ${name}`, () => own.shown().includes(question))
      assert.deepEqual(asked, [])
      own.type(`${said}\r`)
    }
    await until('it ends', () => own.shown().includes('ended '))
    begun.kill('SIGKILL')
    assert.match(own.shown(), /ended 0/)
    assert.deepEqual([...new Set(asked)], ['/second'])
    const unread = own.shown().match(/nobody has agreed that \S+ is sent FIREBREAK_SET of this host/g)
    assert.equal(unread?.length, 2, own.shown())
  })
})

describe('a client’s file', { skip: SKIP }, () => {
  const home = temporaryDirectory()
  const yaml = () => readFileSync(join(home, 'fb/firebreak.yaml'), 'utf8')

  it('is taken as it is: what works is asked, what does not is said, and no credential stands in clear', async () => {
    written(home, 'app/package.json', '{ "type": "module" }')
    written(home, 'app/lib/answer.js', ANSWER)
    written(home, 'app/.env', `KEY=${KEY}`)
    const fit = `process.argv.includes('--api-key') && process.argv.includes('${KEY}')`
    written(
      home,
      'app/dist/index.js',
      `import { serve } from '../lib/answer.js'\nserve('stock', ${fit.replace(KEY, "' + ['ctx7', '0123456789abcdef'].join('-') + '")} && process.env.PORT === '8123')`,
    )
    written(home, 'py/server.py', PYTHON)
    written(home, 'py/shoplib.py', "TOOL = {'name': 'count', 'inputSchema': {'type': 'object'}}\n")
    const python = spawnSync('python3', ['--version']).status === 0
    const asked: string[] = []
    const origin = await keyedServer(asked)
    written(home, 'app/set.env', 'REGION=eu-central')
    symlinkSync(written(temporaryDirectory(), 'credentials', `aws_secret=${WORD}`), join(home, 'linked.env'))
    written(
      home,
      '.mcp.json',
      `\uFEFF{ // servers of the shop
      "mcpServers": {
        "@shop/magic": { "command": "node", "args": ["dist/index.js", "--api-key", "${KEY}", "postgres://o:${WORD}@db.example/o"], "cwd": "app", "env": { "PORT": 8123 } },
        "keyed": { "type": "http", "url": "${origin}/s/Zk3vQ9xT7bLm2NpR8wYc/mcp?api_key=${QUERY}" },
        "unset": { "url": "${origin}/mcp", "headers": { "Authorization": "Bearer \${FIREBREAK_NO_SUCH_TOKEN}" } },
        "sent": { "url": "${origin}/sent", "headers": { "X-Set": "\${FIREBREAK_SET}" } },
        "file": { "command": "npx", "args": ["mcp-remote", "${origin}/file", "--header", "X: \${REGION}"], "envFile": "app/set.env" },
        "linked": { "command": "npx", "args": ["mcp-remote", "${origin}/linked", "--header", "X: \${aws_secret}"], "envFile": "linked.env" },
        "git": { "command": "docker", "args": ["run", "-i", "ghcr.io/x"], "env": { "TOKEN": "${KEY}" } },
        "off": { "command": "node", "args": ["dist/index.js"], "cwd": "app", "disabled": true },
        ${python ? '"py": { "command": "python3", "args": ["py/server.py"] },' : ''}
      } }`,
    )
    const begun = await initIn(home)
    assert.equal(begun.code, 0, begun.stderr)
    assert.match(begun.stdout, /shop-magic +1 tools/)
    assert.match(begun.stdout, /keyed +1 tools/)
    if (python) assert.match(begun.stdout, /py +1 tools/)
    assert.match(begun.stdout, /unset +its tools are not known: .*FIREBREAK_NO_SUCH_TOKEN is not set/)
    assert.match(
      begun.stdout,
      /sent +its tools are not known: nobody has agreed that \S+ is sent FIREBREAK_SET of this/,
    )
    assert.match(begun.stdout, /file +its tools are not known: nobody has agreed that \S+ is sent REGION of \S+set.env/)
    assert.match(begun.stdout, /linked.env cannot be read, or lies outside/)
    assert.deepEqual(
      [...new Set(asked)].filter((path) => /sent|file/.test(path)),
      [],
    )
    assert.match(begun.stdout, /git +is left out: docker starts a container of its own/)
    assert.match(begun.stdout, /off +is disabled/)
    for (const value of [KEY, WORD, QUERY, 'Zk3vQ9xT7bLm2NpR8wYc'])
      assert.ok(!`${yaml()}${begun.stdout}`.includes(value), value)
    assert.match(yaml(), /it is called "@shop\/magic" where it was taken from/)
    assert.match(yaml(), /postgres:\/\/o:\$\{secret:shop-magic-password\}@db.example\/o/)
    assert.match(yaml(), /\n {2}# "git" is not here: docker/)
    assert.match(yaml(), /\n {2}# off:\n/)
    assert.match(yaml(), /Bearer \$\{secret:firebreak-no-such-token\}/)
    const secrets = join(home, 'fb/secrets')
    assert.equal(statSync(secrets).mode & 0o777, 0o700)
    for (const name of readdirSync(secrets).filter((each) => each !== '.gitignore'))
      assert.equal(statSync(join(secrets, name)).mode & 0o777, 0o600, name)
    assert.ok(!readdirSync(secrets).some((name) => name.startsWith('git')), 'of what is not written nothing is kept')
    const env = [...yaml().matchAll(/^ +(\/\S+): /gm)].map(([, place = '']) => place)
    assert.ok(env.includes(join(home, 'app/dist')) && !env.some((place) => place.endsWith('.env')))
  })

  it('has its servers answer an agent, and what they were started with stands in no record', async () => {
    const calls = `const post = async (message, session) => fetch(process.env.FIREBREAK_MCP_URL, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...(session && { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' }) }, body: JSON.stringify({ jsonrpc: '2.0', ...message }) })
const begun = await post({ id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'a', version: '1' } } })
const session = begun.headers.get('mcp-session-id')
await post({ method: 'notifications/initialized' }, session)
console.log(await (await post({ id: 2, method: 'tools/call', params: { name: 'shop-magic__stock', arguments: {} } }, session)).text())`
    written(home, 'agent.mjs', calls)
    const text = yaml()
      .replace(/command: \[sh, -c, .*\]/, 'command: [/opt/node, /srv/agent.mjs]')
      .replace(/( {6})# labels: \[\].*\n/, `$1files: { /opt/node: "\${node}", /srv/agent.mjs: ../agent.mjs }\n`)
    writeFileSync(join(home, 'fb/firebreak.yaml'), text)
    const accepted = firebreakIn(
      join(home, 'fb'),
      'accept',
      '--as',
      'ana@shop.example',
      '--yes',
      '--upstream',
      'shop-magic',
    )
    assert.equal(accepted.code, 0, accepted.stderr)
    const ran = firebreakIn(join(home, 'fb'), 'run')
    assert.match(ran.stdout, /here: |withheld/, ran.stderr)
    assert.ok(!ran.stdout.includes(WORD), 'an answer that repeats its arguments is held back')
    const kept = spawnSync('grep', ['-rlF', '-e', KEY, '-e', WORD, '-e', QUERY, join(home, 'fb/.firebreak')], {
      encoding: 'utf8',
    })
    assert.equal(kept.stdout, '')
  })

  it('has no name that pushes a line of its own onto the screen', () => {
    const directory = temporaryDirectory()
    const key = `x${' '.repeat(100)}files  4 tools: 4 only read and are granted`
    written(directory, '.mcp.json', JSON.stringify({ mcpServers: { [key]: { type: 'ws', url: 'https://a.example' } } }))
    const begun = firebreakIn(directory, 'init', 'out', '--mcp', '.mcp.json')
    assert.equal(begun.code, 0, begun.stderr)
    assert.match(begun.stdout, /^ {4}"x\[100 spaces\]files {2}4 tools: 4 only read and are granted" {2}is left out: /m)
  })

  it('costs no other server where one makes no configuration, and an agent is given no credential', () => {
    const place = temporaryDirectory()
    written(place, 'odd: #/s.mjs', ANSWER)
    written(place, 's.mjs', `${ANSWER}\nserve('stock')`)
    const mcpServers = {
      odder: { command: 'sh', args: ['s.sh'], cwd: 'a${/}b' },
      clear: { url: 'http://shop.example/mcp', headers: { 'X-Api-Key': KEY } },
      held: { command: 'node', args: ['s.mjs', '.'] },
      good: { command: 'node', args: ['s.mjs'] },
    }
    written(place, 'mcp.json', JSON.stringify({ mcpServers }))
    const begun = firebreakIn(place, 'init', 'fb', '--mcp', 'mcp.json')
    assert.equal(begun.code, 0, begun.stderr)
    assert.match(begun.stdout, /good +1 tools/)
    for (const name of ['odder', 'clear', 'held']) assert.match(begun.stdout, new RegExp(`\\n +${name} +is left out: `))
    assert.match(begun.stdout, /clear +is left out: .*in the clear to shop.example/)
    assert.match(begun.stdout, /held +is left out: its cell is refused: .*contains/)
    const agent = firebreakIn(place, 'init', 'fb2', '--', 'node', 's.mjs', '--api-key', KEY)
    assert.equal(agent.code, 2)
    assert.match(
      agent.stderr,
      /the agent is given a credential \(word 4 of its command\): no secret enters an agent’s cell/,
    )
    assert.ok(!agent.stderr.includes(KEY) && !existsSync(join(place, 'fb2/firebreak.yaml')))
  })

  it('that lies in the workspace is not shown, and the agent starts', () => {
    const place = temporaryDirectory()
    written(place, 'project/s.mjs', `${ANSWER}\nserve('stock')`)
    written(
      place,
      'project/agent.mjs',
      "console.log((await import('node:fs')).readFileSync('.mcp.json', 'utf8').length)",
    )
    const docs = { command: 'node', args: ['s.mjs', '--api-key', KEY] }
    written(place, 'project/.mcp.json', JSON.stringify({ mcpServers: { docs } }))
    const project = join(place, 'project')
    const begun = firebreakIn(project, 'init', '../fb', '--mcp', '.mcp.json', '--', 'node', 'agent.mjs', '.')
    assert.equal(begun.code, 0, begun.stderr)
    const ran = firebreakIn(join(place, 'fb'), 'run')
    assert.doesNotMatch(ran.stderr, /not started/)
    assert.doesNotMatch(ran.stdout, /[1-9]/)
    written(place, 'project/notes.txt', `the key is ${KEY}`)
    const again = firebreakIn(project, 'init', '../fb2', '--mcp', '.mcp.json', '--', 'node', 'agent.mjs', '.')
    assert.equal(again.code, 1)
    assert.match(again.stderr, /nothing was written: .*notes.txt holds the secret "docs-api-key"/)
    assert.ok(!existsSync(join(place, 'fb2/firebreak.yaml')) && !existsSync(join(place, 'fb2/secrets/docs-api-key')))
  })

  it('names the workspace of an agent that would hold its configuration, and writes nothing', () => {
    const project = dirname(written(temporaryDirectory(), 'project/agent.mjs', 'console.log("it runs")'))
    const refused = firebreakIn(project, 'init', '--owner', 'ana@shop.example', '--', 'node', 'agent.mjs', '.')
    assert.equal(refused.code, 2)
    assert.match(
      refused.stderr,
      /workspace .*project would hold .*firebreak.yaml, which no cell may change: nothing was written/,
    )
    assert.deepEqual(readdirSync(project), ['agent.mjs'])
    const [, beside = ''] = /write it beside: firebreak init (\S+) /.exec(refused.stderr) ?? []
    const begun = firebreakIn(project, 'init', beside, '--owner', 'ana@shop.example', '--', 'node', 'agent.mjs', '.')
    assert.equal(begun.code, 0, begun.stderr)
    assert.ok(existsSync(join(project, beside, 'firebreak.yaml')))
    const ran = firebreakIn(join(project, beside), 'run')
    assert.deepEqual([ran.code, ran.stdout], [0, 'it runs\n'], ran.stderr)
  })
})

async function initIn(home: string) {
  // Not in a call that waits: a server of this process has to answer meanwhile.
  const child = spawn(join(repository, 'bin/firebreak'), ['init', 'fb', '--mcp', '.mcp.json'], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, FIREBREAK_SET: 'set on this host' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  cleanUp(() => void child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}
