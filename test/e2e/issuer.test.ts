/** A cell whose TLS ends at its gate, through a host: who has its issuer's key, and for how long. */
import assert from 'node:assert/strict'
import { closeSync, globSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { loadConfig } from '../../src/config/load.ts'
import { makeIssuer } from '../../src/gateway/trust/issuer.ts'
import { Host } from '../../src/host/host.ts'
import { judgeConfig } from '../../src/host/prepare/setup.ts'
import { readStopMark } from '../../src/host/stop/fence.ts'
import { KeptIssuer } from '../../src/host/trust/kept-issuer.ts'
import { agentName, environmentName } from '../../src/model/index.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { ledgerOf, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { startGatewayProcess } from '../kit/gateway.ts'
import { childrenOf } from '../kit/host.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

// What a killed warden leaves is removed by the next one.
cleanUp(async () => {
  if (SKIP !== false) return
  const warden = await openWarden()
  if (warden.ok) await warden.value.close()
})

const AGENTS = '/opt/lib/agents'
/** A private key of P-256 in PKCS #8 begins so, whichever it is. */
const KEY_BEGINS = Buffer.from('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex')
/** As bytes, and in base64, which PEM is, too. */
const KEY_FORMS = [KEY_BEGINS, Buffer.from(KEY_BEGINS.toString('base64').slice(0, 44))]

const DESK = { upstream: 'desk', tools: ['note'], expires: '8h' }

async function scene() {
  const desk = await startUpstream({ era: 'modern', tools: [tool('note')], onCall: () => textResult('go') })
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const cell = { files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') } }
  const file = writeConfig(directory, {
    upstreams: {
      desk: { mcp: { url: desk.url }, tools: { note: 'write' } },
      api: { http: { origin: 'https://api.example' }, tools: { 'GET /': 'read' } },
    },
    agents: {
      alpha: { cell, grants: [DESK, { upstream: 'api', tools: ['GET /'], expires: '8h' }] },
      beta: { cell, grants: [DESK] },
    },
  })
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  await acceptOffered(loaded.value)
  const judged = await judgeConfig(loaded.value)
  assert.ok(judged.ok, JSON.stringify(judged))
  const host = new Host({ judged: judged.value, stateDirectory: state })
  let closed: Promise<unknown> | undefined
  const close = () => (closed ??= host.close('the test has ended'))
  cleanUp(async () => void (await close()))
  const opened = await host.environment(environmentName('test'))
  assert.ok(opened.ok, JSON.stringify(opened))
  const run = opened.value
  const launch = async (name: string) => {
    const agent = judged.value.config.agents.get(agentName(name))
    assert.ok(agent)
    const command = [
      ...(['sh', '-c'] as const),
      `cat /firebreak/issuer.pem; exec /opt/node ${AGENTS}/steady.ts desk__note`,
    ] as const
    const launched = await run.launch({
      agent: agent.name,
      command,
      stdio: { kind: 'pipes' },
      stopMark: readStopMark(state),
    })
    assert.ok(launched.ok, JSON.stringify(launched))
    const said = join(temporaryDirectory(), 'said')
    const [nothing, output] = [openSync('/dev/null', 'r+'), openSync(said, 'w')]
    const pump = run.pump(launched.value.cell, { stdin: nothing, stdout: output, stderr: nothing })
    void pump.done.then(() => [nothing, output].forEach(closeSync))
    assert.ok(launched.value.cell.start().ok)
    return { ...launched.value, said: () => readFileSync(said, 'latin1') }
  }
  return { state, close, run, launch, desk }
}

describe('the issuer of a cell', { skip: SKIP }, () => {
  it('S10: is with its gateway and the one after it, is told in its receipt by places alone, and is on no disk', async () => {
    const { state, close, run, launch, desk } = await scene()
    const [own, plain] = [await launch('alpha'), await launch('beta')]
    const acts = (more: number, before = desk.calls.length) =>
      until('they act', () => desk.calls.length >= before + more)
    await acts(4)
    const shown = own.said().slice(0, own.said().indexOf('-----END CERTIFICATE-----'))
    assert.match(shown, /^-----BEGIN CERTIFICATE-----\n/)
    assert.doesNotMatch(plain.said(), /BEGIN CERTIFICATE/)
    const der = Buffer.from(shown.replaceAll(/-----.*-----|\n/g, ''), 'base64')
    const name = /Firebreak cell [0-9a-f]{16}/.exec(der.toString('latin1'))?.[0] ?? 'no name'
    const [gateway = 0] = childrenOf(process.pid, 'gateway/main')
    assert.ok(inMemory(gateway, name), 'its gateway has it')

    process.kill(gateway, 'SIGKILL')
    await until('another gateway is there', () =>
      childrenOf(process.pid, 'gateway/main').some((pid) => pid !== gateway),
    )
    await acts(4)
    const [next = 0] = childrenOf(process.pid, 'gateway/main')
    assert.ok(next !== gateway && inMemory(next, name), 'the next one, too')
    for (const witness of childrenOf(process.pid, 'ledger/seal/witness-main')) assert.ok(!inMemory(witness, name))

    const cells = () => globSync(join(run.runDirectory, 'runs/*/cells', own.cell.id))
    assert.equal(cells().length, 1)
    for (const directory of [state, ...cells()]) assert.deepEqual(filesWithKeys(directory), [])
    for (const pid of [process.pid, gateway, next])
      for (const file of ['cmdline', 'environ']) assert.ok(!holdsKey(bytesOf(`/proc/${pid}/${file}`)))

    const started = (await ledgerOf(state)).flatMap((entry) => (entry.kind === 'cell.started' ? [entry] : []))
    const receiptOf = (cell: string) => {
      const text = JSON.stringify(started.find((entry) => entry.cell === cell)?.receipt)
      assert.ok(!holdsKey(Buffer.from(text)) && !text.includes(der.toString('base64').slice(0, 40)))
      return text
    }
    assert.match(receiptOf(own.cell.id), /"\/firebreak\/issuer\.pem".*"NODE_EXTRA_CA_CERTS"/)
    assert.doesNotMatch(receiptOf(plain.cell.id), /CA_CERTS|roots\.pem|ca-certificates/)
    assert.deepEqual(plain.cell.receipt.texts, ['/firebreak/mcp.json'])

    assert.deepEqual(await close(), [])
    await Promise.all([own.ended, plain.ended])
    assert.deepEqual(cells(), [])
    assert.deepEqual(filesWithKeys(state), [])
  })

  it('is looked for by what every such key has', () => {
    const { key = '' } = new KeptIssuer(1_000, Date.now()).forGateway() ?? {}
    assert.ok(holdsKey(Buffer.from(key, 'base64')) && holdsKey(Buffer.from(`{"key":"${key}"}`)))
  })
})

describe('an issuer that is told to a gateway', () => {
  it('has to be one: with another’s key its cell is not served, and the log does not say the key', async () => {
    const desk = await startUpstream({ era: 'modern', tools: [tool('note')], onCall: () => textResult('go') })
    const gateway = await startGatewayProcess({
      upstreams: { desk: { mcp: { url: desk.url }, tools: { note: 'write' } } },
      agents: { alpha: { grants: [{ upstream: 'desk', tools: ['note'], expires: '8h' }] } },
    })
    const [one, other] = [makeIssuer(60_000, Date.now()), makeIssuer(60_000, Date.now())]
    const told = ({ certificate }: typeof one, { key }: typeof one) => ({
      certificate: certificate.toString('base64'),
      key: key.toString('base64'),
    })
    await assert.rejects(gateway.admit('alpha', { issuer: told(one, other) }), /could not follow/)
    const log = readFileSync(gateway.state.log('gateway-test'), 'utf8')
    assert.match(log, /its issuer: the key is not that of a certificate authority/)
    assert.ok(!log.includes(other.key.toString('base64').slice(60, 90)))
    const cell = await gateway.admit('alpha', { issuer: told(one, one) })
    await cell.end()
    await gateway.stop()
  })
})

function holdsKey(bytes: Buffer): boolean {
  return KEY_FORMS.some((form) => bytes.includes(form))
}

/** Files below a directory, on its own file system, that hold something like a private key of P-256. */
function filesWithKeys(directory: string, device = statSync(directory).dev): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    // What cells are shown of the host is mounted there, too.
    if (entry.isDirectory()) return statSync(path).dev === device ? filesWithKeys(path, device) : []
    return entry.isFile() && holdsKey(bytesOf(path)) ? [path] : []
  })
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}

/** Tells whether a text is in the writable memory of a process. proc(5) */
function inMemory(pid: number, text: string): boolean {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const regions = readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)
  const piece = Buffer.alloc(4 * 1024 ** 2)
  const found = [...regions].some(([, from = '', to = '']) => {
    const end = Number.parseInt(to, 16)
    for (let at = Number.parseInt(from, 16); at < end; at += piece.length - text.length) {
      try {
        const count = readSync(memory, piece, 0, Math.min(piece.length, end - at), at)
        if (piece.subarray(0, count).includes(text)) return true
      } catch {
        return false
      }
    }
    return false
  })
  closeSync(memory)
  return found
}
