/** The conformance suite of HTTP/2 (h2spec), against the door of a cell to the web and against Node's own server. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { WebDoor } from '../../src/gateway/web/door.ts'
import { CellNames } from '../../src/gateway/web/names.ts'
import { ok } from '../../src/model/index.ts'
import { listener } from '../kit/listener.ts'
import { makeCertificate } from '../kit/make-certificate.ts'

/** Seconds for which the suite waits in each case. */
const CASE_SECONDS = 5
const ALL_MS_MAX = 600_000

/** Results of the suite against both servers. */
export interface H2specRun {
  readonly cases: number
  readonly bare: number
  readonly door: number
  /** Cases that Node's server passes, and the door does not. */
  readonly lost: readonly string[]
}

/** Runs the suite; says why where it is not here. */
export async function runH2spec(): Promise<H2specRun | string> {
  const program = process.env.FIREBREAK_H2SPEC ?? 'h2spec'
  if (spawnSync(program, ['--version']).status !== 0)
    return 'h2spec is not here: FIREBREAK_H2SPEC names it (go install github.com/summerwind/h2spec/cmd/h2spec@latest)'
  const made = makeCertificate({ name: 'here', names: ['IP:127.0.0.1'] })
  const bareServer = createSecureServer({ cert: made.pem, key: made.key, allowHTTP1: true }, (request, response) => {
    request.resume().once('end', () => response.end('ok'))
  })
  bareServer.on('sessionError', () => undefined)
  await once(bareServer.listen(0, '127.0.0.1'), 'listening')
  const { port: barePort } = bareServer.address() as AddressInfo // it listens on a port
  const names = new CellNames()
  const door = new WebDoor({
    names: { answer: (question) => names.answer(question), nameOf: () => undefined },
    leaf: () => ok({ certificate: made.pem, key: made.key }),
    onUnfit: () => undefined,
    onRequest: ({ body }, reply) => {
      body.resume().once('end', () => {
        if (reply.begin(200, [['content-length', '2']])) reply.write(Buffer.from('ok'))
        reply.end()
      })
    },
  })
  const { port, fd } = listener()
  await door.listen([{ transport: 'tcp', port, fd }])
  const bare = await suite(program, barePort)
  const ours = new Map<string, boolean>()
  // A busy machine may be late for a case: one that is lost is lost three times.
  let lost: readonly string[] = []
  for (let tries = 0; tries < 3 && (tries === 0 || lost.length > 0); tries++) {
    for (const [name, passed] of await suite(program, port)) ours.set(name, passed || ours.get(name) === true)
    lost = [...bare].filter(([name, passed]) => passed && ours.get(name) !== true).map(([name]) => name)
  }
  door.close()
  bareServer.close()
  const passed = (all: ReadonlyMap<string, boolean>) => [...all.values()].filter(Boolean).length
  return { cases: bare.size, bare: passed(bare), door: passed(ours), lost }
}

/** Runs it against a port, and returns which cases were passed. */
async function suite(program: string, port: number): Promise<ReadonlyMap<string, boolean>> {
  const directory = mkdtempSync(join(tmpdir(), 'h2spec-'))
  const report = join(directory, 'report.xml')
  const words = ['-h', '127.0.0.1', '-p', `${port}`, '-t', '-k', '-o', `${CASE_SECONDS}`, '-j', report]
  const child = spawn(program, words, { stdio: 'ignore', timeout: ALL_MS_MAX })
  await once(child, 'close')
  const xml = readFileSync(report, 'utf8')
  rmSync(directory, { recursive: true, force: true })
  const passed = new Map<string, boolean>()
  for (const [, section = '', cases = ''] of xml.matchAll(/<testsuite name="([^"]*)"[^>]*>([\s\S]*?)<\/testsuite>/g))
    for (const [whole] of cases.matchAll(/<testcase [\s\S]*?(?:\/>|<\/testcase>)/g))
      passed.set(`${section} ${/classname="([^"]*)"/.exec(whole)?.[1]}`, !/<(?:failure|error|skipped)\b/.test(whole))
  return passed
}
