/** TLS of a cell's programs ends at its gate, and at no other: real clients, each in a real cell before the real door, and attacks on the key. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { socketsOf } from '../../src/cells/cell-sockets.ts'
import type { LinuxCell } from '../../src/cells/linux/launch/cell.ts'
import type { CellSpec, FileSpec } from '../../src/cells/spec.ts'
import { Issuer, pem } from '../../src/gateway/trust/issuer.ts'
import { WebDoor } from '../../src/gateway/web/door.ts'
import { CellNames } from '../../src/gateway/web/names.ts'
import { KeptIssuer } from '../../src/host/trust/kept-issuer.ts'
import { shownTrust } from '../../src/host/trust/shown-trust.ts'
import { attacked, hostDirectory, launched, NODE, outputOf, ran, SKIP, spec } from './kit.ts'

const WEB = [
  { transport: 'tcp', port: 443 },
  { transport: 'udp', port: 53 },
  { transport: 'tcp', port: 53 },
] as const
const HOST = 'api.firebreak.example'
const URL = `https://${HOST}/`
const COMMIT = '3f786850e387550fdab836ed7e6dc881de23001b'

/** A client as it is called in a cell, and what it prints once it believes the gate. */
interface Client {
  readonly name: string
  /** Why it is not tried here. */
  readonly absent: string | false
  readonly command: readonly [string, ...string[]]
  readonly says: RegExp
  readonly files?: readonly FileSpec[]
  readonly variables?: Readonly<Record<string, string>>
  /** Makes the program ready on the host; says why that failed. */
  readonly build?: () => string | undefined
}

/** What each path answers; clients with a protocol of their own ask for more than one. */
const ANSWERS: Readonly<Record<string, string>> = {
  '/': 'the gate answers\n',
  '/repo.git/info/refs': `${COMMIT}\trefs/heads/main\n`,
  '/repo.git/HEAD': 'ref: refs/heads/main\n',
  '/left-pad': JSON.stringify({
    name: 'left-pad',
    'dist-tags': { latest: '1.3.0' },
    versions: { '1.3.0': { name: 'left-pad', version: '1.3.0', dist: { tarball: `${URL}t.tgz`, shasum: COMMIT } } },
  }),
  '/simple/left-pad/': '<!doctype html><a href="left_pad-1.3.0.tar.gz">left_pad-1.3.0.tar.gz</a>',
  '/index/config.json': JSON.stringify({ dl: `${URL}dl`, api: URL.slice(0, -1) }),
  '/api/v1/crates': JSON.stringify({
    crates: [{ name: 'left-pad', max_version: '1.3.0', description: 'pads' }],
    meta: { total: 1 },
  }),
}

/** The gate of a cell: its real door to the web, whose certificates are of this issuer, before answers of ours. */
async function gate(issuer: Issuer, cell: LinuxCell): Promise<WebDoor> {
  const door = new WebDoor({
    names: new CellNames(),
    leaf: (name) => issuer.leaf(name),
    onRequest({ target }, reply) {
      const body = ANSWERS[target.split('?')[0] ?? '']
      const length = `${Buffer.byteLength(body ?? '')}`
      const headers = [['content-type', typeOf(target)] as const, ['content-length', length] as const]
      if (!reply.begin(body === undefined ? 404 : 200, headers)) return
      if (body !== undefined) reply.write(Buffer.from(body))
      reply.end()
    },
    onUnfit: () => undefined,
  })
  const sockets = socketsOf(cell.receipt).map((socket, i) => ({ ...socket, fd: cell.listeners[i]?.take() ?? -1 }))
  await door.listen(sockets)
  return door
}

function typeOf(url: string): string {
  if (url.startsWith('/simple')) return 'text/html'
  return url.startsWith('/repo') || url === '/' ? 'text/plain' : 'application/json'
}

function newIssuer(): { readonly kept: KeptIssuer; readonly issuer: Issuer } {
  const kept = new KeptIssuer(600_000, Date.now())
  const setup = kept.forGateway()
  const issuer = setup && Issuer.open(setup)
  assert.ok(issuer?.ok)
  return { kept, issuer: issuer.value }
}

/** Runs a client in a cell that is shown one issuer, against the gate of one. */
async function asked(client: Pick<Client, 'command' | 'files' | 'variables'>, shown: KeptIssuer, signs: Issuer) {
  const trust = shownTrust(shown.certificate, { files: new Map() }, Date.now())
  assert.ok(trust.ok)
  const around = spec(client.command)
  const wanted: CellSpec = {
    ...around,
    variables: {
      ...around.variables,
      PATH: '/usr/local/go/bin:/usr/bin:/bin',
      ...trust.value.variables,
      ...client.variables,
    },
    files: [...around.files, ...(client.files ?? [])],
    texts: trust.value.texts,
    limits: { memoryBytes: 1024 ** 3, cpu: 2, pids: 256, wallMs: 120_000 },
    ports: [],
    anywhere: WEB,
  }
  const cell = await launched(wanted)
  const door = await gate(signs, cell)
  try {
    const output = outputOf(cell)
    assert.ok(cell.start().ok)
    const { code } = await cell.exited
    return { code, stdout: await output.stdout, stderr: await output.stderr }
  } finally {
    door.close()
    await cell.teardown()
  }
}

describe('TLS in a cell', { skip: SKIP }, () => {
  for (const client of clients()) {
    it(`${client.name} believes the cell’s own gate, and no other’s`, { skip: client.absent }, async (test) => {
      const unbuilt = client.build?.()
      if (unbuilt !== undefined) return test.skip(unbuilt)
      const [own, other] = [newIssuer(), newIssuer()]
      const { code, stdout, stderr } = await asked(client, own.kept, own.issuer)
      assert.match(stdout, client.says, `${code}: ${stderr}`)
      const refused = await asked(client, own.kept, other.issuer)
      assert.doesNotMatch(refused.stdout, client.says)
      assert.notEqual(refused.code, 0, refused.stderr)
    })
  }

  it('S10: the issuer’s key is in no file, variable, descriptor or memory that its cell can read; it changes nothing of what it believes', async () => {
    const { kept } = newIssuer()
    const trust = shownTrust(kept.certificate, { files: new Map() }, Date.now())
    assert.ok(trust.ok)
    const places = trust.value.texts.map(({ to }) => to)
    const args = [halved(kept).join(','), places.join(',')]
    const look = (texts: NonNullable<CellSpec['texts']>, more: CellSpec['variables'] = {}) =>
      attacked('trust.ts', args, {
        texts: [...trust.value.texts, ...texts],
        variables: { PATH: '/usr/bin:/bin', ...trust.value.variables, ...more },
      })
    const { found, looked, processes, changed } = await look([])
    assert.deepEqual({ found, changed }, { found: [], changed: [] })
    // Its memory, and the process that waits for it, were looked at, too.
    assert.ok(Number(looked) > 8 * 1024 ** 2 && Number(processes) > 1, JSON.stringify({ looked, processes }))
    // Where it is, it is found.
    const key = kept.forGateway()?.key ?? ''
    assert.deepEqual((await look([{ text: Buffer.from(key, 'base64'), to: '/firebreak/key' }])).found, [
      '/firebreak/key',
    ])
    const told = await look([], { KEY: key })
    assert.ok(Array.isArray(told.found) && told.found.some((each) => /environ$/.test(each)), JSON.stringify(told))
  })

  it('S3: two cells have two issuers, in files of their own; nothing of either is left when its cell is gone', async () => {
    const [one, other] = [newIssuer().kept, newIssuer().kept]
    assert.notDeepEqual(one.certificate, other.certificate)
    const seen = await Promise.all(
      [one, other].map(async (kept) => {
        const trust = shownTrust(kept.certificate, { files: new Map() }, Date.now())
        assert.ok(trust.ok)
        const program = 'cat /firebreak/issuer.pem; stat -c %d:%i /firebreak/*.pem /etc/ssl/certs/ca-certificates.crt'
        const { stdout, torn } = await ran(spec(['sh', '-c', program], { texts: trust.value.texts }))
        assert.ok(torn.gone, JSON.stringify(torn))
        return stdout
      }),
    )
    for (const [i, kept] of [one, other].entries()) assert.ok(seen[i]?.startsWith(pem(kept.certificate)))
    const inodes = seen.map((stdout) => stdout.split('\n').filter((line) => /^\d+:\d+$/.test(line)))
    assert.equal(inodes[0]?.length, 3)
    assert.ok(
      inodes[0]?.every((inode) => !inodes[1]?.includes(inode)),
      JSON.stringify(inodes),
    )
  })
})

/** Halves of a private key in the forms in which it could stand somewhere, as the attack wants them. */
function halved(kept: KeptIssuer): readonly string[] {
  const { key = '' } = kept.forGateway() ?? {}
  const parsed = createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' })
  const { d = '' } = parsed.export({ format: 'jwk' })
  const scalar = Buffer.from(d, 'base64url')
  // In base64 the middle is enough: lines of PEM are 64 long.
  const forms = [scalar, Buffer.from(scalar.toString('hex')), Buffer.from(d), Buffer.from(key.slice(70, 110))]
  return forms.flatMap((form) => {
    const half = Math.floor(form.length / 2)
    return [form.subarray(0, half), form.subarray(half)].map((each) => each.toString('base64'))
  })
}

function clients(): readonly Client[] {
  const node = `fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)`
  const urllib = `import sys,urllib.request;print(urllib.request.urlopen(sys.argv[1]).read().decode())`
  const answers = /the gate answers/
  return [
    { name: 'curl', ...found('curl'), command: ['curl', '-sS', URL], says: answers },
    { name: 'curl, at an address', ...found('curl'), command: ['curl', '-sS', 'https://192.0.2.7/'], says: answers },
    { name: 'wget', ...found('wget'), command: ['wget', '-qO-', URL], says: answers },
    {
      name: 'openssl in its strict mode',
      ...found('openssl'),
      command: [
        ...(['sh', '-c'] as const),
        `printf 'GET / HTTP/1.0\\r\\nHost: ${HOST}\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error -x509_strict -connect ${HOST}:443 -servername ${HOST} -verify_hostname ${HOST}`,
      ],
      says: answers,
    },
    {
      name: 'git',
      ...found('git'),
      command: ['git', '-c', 'protocol.version=0', 'ls-remote', `${URL}repo.git`],
      says: new RegExp(COMMIT),
    },
    { name: 'Node', absent: false, command: [NODE, '-e', node, URL], says: answers },
    { name: 'the host’s Node', ...found('/usr/bin/node'), command: ['/usr/bin/node', '-e', node, URL], says: answers },
    {
      name: 'npm',
      ...found('/usr/bin/npm'),
      command: ['/usr/bin/npm', 'view', 'left-pad', 'version', '--fetch-retries', '0', '--registry', URL],
      says: /1\.3\.0/,
    },
    {
      name: 'Python’s urllib',
      ...found('/usr/bin/python3'),
      command: ['/usr/bin/python3', '-c', urllib, URL],
      says: answers,
    },
    pythonWith('requests', `print(requests.get(sys.argv[1]).text)`),
    pythonWith('httpx', `print(httpx.get(sys.argv[1]).text)`),
    pythonWith(
      'aiohttp',
      `import asyncio\nasync def get():\n  async with aiohttp.ClientSession() as s, s.get(sys.argv[1]) as r: print(await r.text())\nasyncio.run(get())`,
    ),
    {
      name: 'pip',
      ...found('/usr/bin/pip3'),
      command: [
        'sh',
        '-c',
        `pip3 download -v --no-deps --retries 0 -d /tmp/it --index-url ${URL}simple/ left-pad 2>&1; exit 1`,
      ],
      says: /left_pad-1\.3\.0\.tar\.gz/,
    },
    {
      name: 'uv (rustls)',
      ...shownProgram('uv', '/opt/uv'),
      command: [
        ...(['sh', '-c'] as const),
        `echo left-pad | /opt/uv pip compile --python /usr/bin/python3 --no-cache --index-url ${URL}simple/ - 2>&1`,
      ],
      says: /left_pad-1\.3\.0\.tar\.gz/,
    },
    {
      name: 'Go',
      ...goProgram(),
      command: ['/opt/get', HOST],
      says: answers,
    },
    {
      name: 'Java',
      ...javaWith('java'),
      command: ['java', '-XX:TieredStopAtLevel=1', '/opt/clients/Get.java', URL],
      says: /(the gate answers\s+){2}/,
      files: [{ from: join(import.meta.dirname, 'clients'), to: '/opt/clients' }],
    },
    {
      name: 'cargo',
      ...cargo(),
      command: ['/opt/rust/bin/cargo', 'search', 'left-pad', '--registry', 'gate'],
      says: /left-pad = "1\.3\.0"/,
      variables: { CARGO_REGISTRIES_GATE_INDEX: `sparse+${URL}index/` },
    },
  ]
}

/** Tells whether a program is where a cell sees it, too. */
function found(program: string): Pick<Client, 'absent'> {
  const path = program.startsWith('/') ? program : `/usr/bin/${program}`
  return { absent: !existsSync(path) && `${path} is not installed` }
}

/** A program of wherever the host has it, shown at a place. */
function shownProgram(name: string, to: string): Pick<Client, 'absent' | 'files'> {
  const path = textOf('sh', ['-c', `command -v ${name}`])
  return path === undefined
    ? { absent: `${name} is not installed` }
    : { absent: false, files: [{ from: realpathSync(path), to }] }
}

/** A Python of the host that has a package. */
function pythonWith(name: string, program: string): Client {
  const ask = `import sys,os,${name};print(sys.prefix);print(sys.executable);print(os.path.dirname(os.path.dirname(${name}.__file__)))`
  const [prefix = '', python = '', packages = ''] = textOf('python3', ['-c', ask])?.split('\n') ?? []
  const shown = [...new Set([prefix, packages])].filter((each) => each !== '' && !each.startsWith('/usr'))
  return {
    name: `Python’s ${name}`,
    absent: prefix === '' && `no python3 here has ${name}`,
    command: [python, '-c', `import sys,${name}\n${program}`, URL],
    says: /the gate answers/,
    files: shown.filter((each) => !each.startsWith(`${prefix}/`)).map((each) => ({ from: each, to: each })),
    variables: { PYTHONPATH: packages },
  }
}

function goProgram(): Pick<Client, 'absent' | 'files' | 'build'> {
  const go = ['/usr/local/go/bin/go', '/usr/bin/go'].find((path) => existsSync(path))
  if (go === undefined) return { absent: 'Go is not installed' }
  const program = join(hostDirectory(), 'get')
  return {
    absent: false,
    files: [{ from: program, to: '/opt/get' }],
    build() {
      const source = join(import.meta.dirname, 'clients/get.go')
      const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GO111MODULE: 'off', GOTOOLCHAIN: 'local' }
      const { status, stderr } = spawnSync(go, ['build', '-o', program, source], { env, encoding: 'utf8' })
      return status === 0 ? undefined : `Go builds nothing here: ${stderr}`
    },
  }
}

function javaWith(program: string): Pick<Client, 'absent'> {
  const modules = textOf(program, ['--list-modules'])
  if (modules === undefined) return { absent: 'Java is not installed' }
  return { absent: !modules.includes('jdk.compiler') && 'this Java cannot run sources' }
}

function cargo(): Pick<Client, 'absent' | 'files'> {
  const root = textOf('rustc', ['--print', 'sysroot'])
  if (root === undefined || !existsSync(join(root, 'bin/cargo'))) return { absent: 'cargo is not installed' }
  return { absent: false, files: [{ from: root, to: '/opt/rust' }] }
}

/** What a program of the host prints; undefined where it is not there, or fails. */
function textOf(program: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
