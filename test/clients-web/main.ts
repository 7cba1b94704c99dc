/**
 * npm run test:clients [-- NAME…]: clients that people have, unchanged, in one cell against one origin over HTTPS at a name like
 * any other; the vendors’ SDKs at their own. Prints which found the name, believed the certificate, had what is granted, and
 * told in words what is refused. What is not on this host is installed into a directory of its own (pip and npm, 150 MB), or
 * skipped. It needs root and bubblewrap, and is no part of `npm test`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { saidIn, scriptOf } from '../kit/attempts.ts'
import { SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { makeCertificate } from '../kit/make-certificate.ts'
import { ADDRESS, CLIENTS, HOST, TOOLS, type WebClient } from './clients.ts'
import { GRANTED, startOrigin, startProviders } from './origin.ts'

const ROOT = join(import.meta.dirname, '../..')
const NODE = process.execPath
/** Kept between runs. */
const TOOLS_HERE = join(tmpdir(), 'firebreak-web-clients')

if (SKIP !== false) {
  process.stderr.write(`skipped: ${SKIP}\n`)
  process.exit(0)
}

function run(command: string, args: readonly string[], cwd?: string): string {
  const ran = spawnSync(command, args, { encoding: 'utf8', timeout: 600_000, ...(cwd !== undefined && { cwd }) })
  if (ran.status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')}: ${ran.stderr || ran.error?.message}`)
  return ran.stdout.trim()
}

/** Directory of the real Python, behind a program that chooses one of several. */
const python = run('python3', ['-c', 'import sys; print(sys.base_prefix)'])
const cargo = toolchain()

function toolchain(): string | undefined {
  const found = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}

/** Installs and builds what is missing. */
function prepare(): void {
  mkdirSync(TOOLS_HERE, { recursive: true })
  chmodSync(TOOLS_HERE, 0o755)
  const py = join(TOOLS_HERE, 'py')
  if (!existsSync(py))
    run('python3', ['-m', 'pip', 'install', '-q', '--target', py, 'requests', 'httpx', 'aiohttp', 'uv'])
  const js = join(TOOLS_HERE, 'js')
  mkdirSync(js, { recursive: true })
  const packages = ['undici', '@anthropic-ai/sdk', 'openai', '@google/genai']
  if (!packages.every((name) => existsSync(join(js, 'node_modules', name))))
    run('npm', [
      'install',
      '--prefix',
      js,
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      ...packages,
    ])
  if (existsSync('/usr/local/go/bin/go') && !existsSync(join(TOOLS_HERE, 'go-get'))) {
    const source = join(TOOLS_HERE, 'get.go')
    writeFileSync(source, GO)
    run('/usr/local/go/bin/go', ['build', '-o', join(TOOLS_HERE, 'go-get'), source])
  }
  if (existsSync('/usr/bin/javac') && !existsSync(join(TOOLS_HERE, 'java'))) {
    writeFileSync(join(TOOLS_HERE, 'Get.java'), JAVA)
    run('javac', ['-d', join(TOOLS_HERE, 'java'), join(TOOLS_HERE, 'Get.java')])
  }
}

const GO = `package main
import ("fmt"; "io"; "net/http"; "os")
func main() {
  r, err := http.Get(os.Args[1])
  if err != nil { fmt.Println(err); os.Exit(1) }
  b, _ := io.ReadAll(r.Body)
  fmt.Println(r.Status, string(b))
}
`
const JAVA = `import java.net.*; import java.net.http.*;
public class Get { public static void main(String[] args) throws Exception {
  var answer = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(args[0])).build(), HttpResponse.BodyHandlers.ofString());
  System.out.println(answer.statusCode() + " " + answer.body());
} }
`

/** A wheel of Python, and a crate, of nothing. */
function releases(directory: string): { readonly wheel: Buffer; readonly crate: Buffer } {
  const script = `
import zipfile, tarfile, io, sys
with zipfile.ZipFile(sys.argv[1], "w") as z:
  z.writestr("thing.py", "")
  z.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: thing\\nVersion: 1.0\\n")
  z.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
  z.writestr("thing-1.0.dist-info/RECORD", "thing.py,,\\nthing-1.0.dist-info/METADATA,,\\nthing-1.0.dist-info/WHEEL,,\\nthing-1.0.dist-info/RECORD,,\\n")
with tarfile.open(sys.argv[2], "w:gz") as t:
  for name, text in (("Cargo.toml", '[package]\\nname = "thing"\\nversion = "1.0.0"\\ndescription = "granted crate"\\nlicense = "MIT"\\n'), ("src/lib.rs", "")):
    i = tarfile.TarInfo("thing-1.0.0/" + name); b = text.encode(); i.size = len(b); t.addfile(i, io.BytesIO(b))
`
  const [wheel, crate] = [join(directory, 'thing.whl'), join(directory, 'thing.crate')]
  run('python3', ['-c', script, wheel, crate])
  return { wheel: readFileSync(wheel), crate: readFileSync(crate) }
}

/** Returns why a client is skipped; undefined where it is here. */
function lacks({ needs }: WebClient): string | undefined {
  if (needs === undefined) return undefined
  const path = needs === '{cargo}' ? cargo : needs
  return path !== undefined && existsSync(path) ? undefined : `skipped: there is no ${path ?? 'cargo'}`
}

function versionOf({ version }: WebClient): string {
  const pip = `PYTHONPATH=${TOOLS_HERE}/py ${python}/bin/python3 -c 'import sys; from importlib.metadata import version; print(version(sys.argv[1]))'`
  const command = version
    .replace('{pip}', pip)
    .replaceAll('{python}', python)
    .replaceAll('{tools}', TOOLS_HERE)
    .replaceAll('{cargo}', cargo ?? '')
    .replaceAll('{node}', NODE)
  const { stdout, stderr } = spawnSync('sh', ['-c', `${command} 2>&1`], { encoding: 'utf8' })
  return /\d+\.[\d.]+/.exec(stdout + stderr)?.[0] ?? '?'
}

const asked = process.argv.slice(2)
const all = CLIENTS.filter(({ name }) => asked.length === 0 || asked.some((word) => name.includes(word)))
const here = all.filter((client) => lacks(client) === undefined)
prepare()
const directory = mkdtempSync(join(tmpdir(), 'firebreak-clients-'))
chmodSync(directory, 0o755)
const authority = makeCertificate({ name: 'authority of a shop', isAuthority: true })
const closeOrigin = await startOrigin(
  makeCertificate({ name: HOST, by: authority, names: [`DNS:${HOST}`] }),
  releases(directory),
)
const providers = await startProviders()

/** Runs the cell where this host’s file of hosts has the name, and returns what each attempt said. */
function inCell(): Promise<Readonly<Record<string, string>>> {
  const ca = join(directory, 'ca.pem')
  writeFileSync(ca, authority.pem)
  const hosts = join(directory, 'hosts')
  writeFileSync(hosts, `127.0.0.1 localhost\n${ADDRESS} ${HOST}\n`)
  const attempts = Object.fromEntries(
    here.flatMap(({ name, granted, refused }) => [
      [`${name}: granted`, `timeout 90 sh -c ${quoted(granted)}`],
      [`${name}: refused`, `timeout 90 sh -c ${quoted(refused)}`],
    ]),
  )
  const model = (provider: string, models: readonly string[]) => ({ model: { provider, url: providers.url, models } })
  const names = ['anthropic', 'openai', 'google']
  const config = writeConfig(directory, {
    upstreams: {
      shop: { http: { origin: `https://${HOST}`, ca }, tools: GRANTED },
      anthropic: model('anthropic', ['claude-haiku-*']),
      openai: model('openai', ['gpt-5*']),
      google: model('google', ['gemini-2.5-*']),
    },
    agents: {
      alpha: {
        grants: [
          { upstream: 'shop', tools: Object.keys(GRANTED), expires: '1d' },
          ...names.map((upstream) => ({
            upstream,
            tools: ['generate'],
            budget: { spend: '1.00 USD per day' },
            expires: '1d',
          })),
        ],
        cell: {
          memory: '2GiB',
          pids: 512,
          wall: '20min',
          files: {
            [TOOLS]: TOOLS_HERE,
            '/opt/node': '${node}',
            '/opt/python': python,
            ...(cargo !== undefined && { '/opt/rust': cargo }),
          },
        } as object,
      },
    },
  })
  const script = `mkdir -p /tmp/work\n${scriptOf(attempts)}`
  const words = ['run', '--config', config, '--state', join(directory, 'state'), '--', 'bash', '-c', script]
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--',
      'sh',
      '-c',
      'mount --bind "$0" /etc/hosts && exec "$@"',
      hosts,
      join(ROOT, 'bin/firebreak'),
      ...words,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: `${dirname(NODE)}:${process.env.PATH}` } },
  )
  let said = ''
  child.stdout.on('data', (piece: Buffer) => {
    said += piece.toString()
  })
  return new Promise((resolve) => child.once('close', () => resolve(saidIn(said))))
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

const CERTIFICATE = /certificate|x509|PKIX|SSL|TLS/i
const WORDS = /refused by Firebreak|none of what shop declares|none of those that/

function row(client: WebClient, said: Readonly<Record<string, string>>): readonly string[] {
  const lack = lacks(client)
  if (lack !== undefined) return [client.name, '', lack, '', '', '']
  const granted = said[`${client.name}: granted`] ?? ''
  const refused = said[`${client.name}: refused`] ?? ''
  const isAnswered = client.says.test(granted)
  const isTold = WORDS.test(refused)
  const heard = granted + refused
  const hasTrust = isAnswered || isTold || !CERTIFICATE.test(heard)
  const hasName = hasTrust || CERTIFICATE.test(heard)
  if (!isAnswered) process.stderr.write(`${client.name}, granted: ${granted.slice(-1_500)}\n`)
  if (!isTold) process.stderr.write(`${client.name}, refused: ${refused.slice(-1_500)}\n`)
  const yes = (is: boolean) => (is ? 'yes' : 'no')
  return [
    client.name,
    versionOf(client),
    yes(hasName && heard !== ''),
    yes(hasTrust),
    yes(isAnswered),
    isTold ? 'yes' : /403/.test(refused) ? 'the status alone' : 'no',
  ]
}

try {
  const said = await inCell()
  const rows = all.map((client) => row(client, said))
  const head = ['client', 'version', 'name', 'certificate', 'granted', 'refusal in words']
  for (const each of [head, head.map(() => '---'), ...rows]) process.stdout.write(`| ${each.join(' | ')} |\n`)
  process.exitCode = rows.some((each) => each[4] === 'no') ? 1 : 0
} finally {
  closeOrigin()
  providers.close()
  rmSync(directory, { recursive: true, force: true })
}
process.exit()
