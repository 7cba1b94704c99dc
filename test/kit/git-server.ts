/** A real git server on this machine, which keeps what was said to it and may be refused by the test in the middle. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from '../../src/model/host/node-http.ts'
import { cleanUp, temporaryDirectory } from './temporary.ts'

/** One request of a git client, and what the server answered. */
export interface GitExchange {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
  answer: Buffer
}

/** An answer that a test gives in the server's place. */
export interface GivenAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
}

export interface GitServer {
  readonly url: string
  readonly directory: string
  readonly exchanges: GitExchange[]
  /** Answers instead of the server, where it is set and returns something. */
  answers: ((exchange: GitExchange) => GivenAnswer | undefined) | undefined
  /** Changes the server's answer on its way, where it is set. */
  changes: ((exchange: GitExchange) => Uint8Array) | undefined
  /** Ends it before the last test has ended. */
  close(): void
}

/** Runs git as nobody's user: no configuration of this host, no terminal. Resolves to all that it says, or rejects with it. */
export async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const who = { NAME: 'A', EMAIL: 'a@example.org', DATE: '1700000000 +0000' }
  const people = ['AUTHOR', 'COMMITTER'].flatMap((each) =>
    Object.entries(who).map(([name, value]) => [`GIT_${each}_${name}`, value]),
  )
  const env = {
    PATH: process.env.PATH,
    HOME: cwd,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    ...Object.fromEntries(people),
  }
  const { code, out } = await output('git', ['-c', 'init.defaultBranch=main', ...args], { cwd, env })
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${out}`)
  return out.toString().trim()
}

/** Serves empty bare repositories of these names, as `git http-backend` does. */
export async function gitServer(names: readonly string[], format = 'sha1'): Promise<GitServer> {
  const directory = temporaryDirectory()
  for (const name of names) {
    await git(directory, 'init', '-q', '--bare', `--object-format=${format}`, name)
    for (const [key, value] of SETTINGS) await git(join(directory, name), 'config', key, value)
  }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', async () => {
      const { method = '', url = '' } = request
      const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const)
      const exchange: GitExchange = {
        method,
        target: url,
        headers,
        body: Buffer.concat(pieces),
        answer: Buffer.alloc(0),
      }
      it.exchanges.push(exchange)
      try {
        const given = it.answers?.(exchange) ?? (await backend(directory, exchange))
        exchange.answer = Buffer.from(given.body)
        const body = it.changes?.(exchange) ?? given.body
        response.writeHead(
          given.status,
          Object.fromEntries([...given.headers, ['content-length', String(body.length)]]),
        )
        response.end(body)
      } catch (error) {
        // The test's own judgement of an exchange: git shows the status, and its test fails.
        console.error(error)
        response.writeHead(500).end()
      }
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = () => void server.close()
  cleanUp(close)
  const { port } = server.address() as AddressInfo // it listens on a port
  const it: GitServer = {
    url: `http://127.0.0.1:${port}`,
    directory,
    exchanges: [],
    answers: undefined,
    changes: undefined,
    close,
  }
  return it
}

const SETTINGS = [
  ['http.receivepack', 'true'],
  ['uploadpack.allowFilter', 'true'],
  ['receive.advertisePushOptions', 'true'],
] as const

async function backend(root: string, { method, target, headers, body }: GitExchange): Promise<GivenAnswer> {
  const [path = '', query = ''] = target.split('?')
  const header = (name: string) => headers.find(([each]) => each === name)?.[1] ?? ''
  const env = {
    PATH: process.env.PATH,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    REMOTE_USER: 'a',
    REMOTE_ADDR: '127.0.0.1',
    REQUEST_METHOD: method,
    PATH_INFO: path,
    QUERY_STRING: query,
    CONTENT_TYPE: header('content-type'),
    CONTENT_LENGTH: String(body.length),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    GIT_PROTOCOL: header('git-protocol'),
  }
  const { out } = await output('git', ['http-backend'], { cwd: root, env, body })
  const end = out.indexOf('\r\n\r\n')
  const said = out.subarray(0, end).toString('latin1').split('\r\n')
  const named = said.map((each) => [each.split(': ')[0]?.toLowerCase() ?? '', each.split(': ')[1] ?? ''] as const)
  const status = named.find(([name]) => name === 'status')?.[1] ?? '200'
  return {
    status: Number.parseInt(status, 10),
    headers: named.filter(([name]) => name !== 'status'),
    body: out.subarray(end + 4),
  }
}

async function output(
  program: string,
  args: readonly string[],
  { cwd, env, body }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly body?: Uint8Array },
): Promise<{ readonly code: number; readonly out: Buffer }> {
  const child = spawn(program, args, { cwd, env, stdio: 'pipe' })
  const pieces: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece))
  if (body === undefined) child.stderr.on('data', (piece: Buffer) => pieces.push(piece))
  child.stdin.on('error', () => undefined)
  child.stdin.end(body)
  const [code] = await once(child, 'close')
  return { code, out: Buffer.concat(pieces) }
}
