/** Stdio servers as they are: older revisions, and what the question for the newest one does to them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { openStreamPair } from '../../src/cells/descriptors.ts'
import type { Part, SendOptions } from '../../src/gateway/pipeline/line.ts'
import { McpNotification } from '../../src/gateway/protocols/mcp/contract/answer.ts'
import type { Revision } from '../../src/gateway/protocols/mcp/revision.ts'
import type { UpstreamConnection } from '../../src/gateway/protocols/mcp/server/connection.ts'
import { connectStdioUpstream } from '../../src/gateway/protocols/mcp/server/stdio-upstream.ts'
import { isJsonObject, upstreamName } from '../../src/model/index.ts'
import { cleanUp } from '../kit/temporary.ts'

const SERVER = join(import.meta.dirname, 'servers/scripted-server.ts')

/** A process of the server, and a connection to it, or why there is none; `asked` is what it has read. */
async function connect(mode: string, known?: Revision, waitMs = 0) {
  const [stdin, stdout] = [openStreamPair(), openStreamPair()]
  if (!stdin.ok || !stdout.ok) throw new Error('no socket pair')
  const child = spawn(process.execPath, [SERVER, mode, `${waitMs}`], {
    stdio: [stdin.value.far, stdout.value.far, 'pipe'],
  })
  cleanUp(() => void child.kill('SIGKILL'))
  for (const { far } of [stdin.value, stdout.value]) closeSync(far)
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const options = { name: upstreamName('shop'), stdin: stdin.value.near, stdout: stdout.value.near }
  const connected = await connectStdioUpstream({ ...options, onClosed: () => undefined, ...(known && { known }) })
  if (connected.ok) cleanUp(() => connected.value.close())
  return { connected, asked: () => [...log.matchAll(/^asked (.*)$/gm)].map(([, method]) => method) }
}

async function open(mode: string, known?: Revision, waitMs?: number): Promise<UpstreamConnection> {
  const { connected } = await connect(mode, known, waitMs)
  if (!connected.ok) assert.fail(`${mode}: ${connected.reason.why}`)
  return connected.value
}

const NOW: SendOptions = { lastCheck: () => undefined, signal: new AbortController().signal }

async function called(connection: UpstreamConnection, silenceMsMax?: number, options = NOW): Promise<string> {
  const params = { name: 'stock', arguments: { q: 'tea' } }
  const prepared = connection.prepare('tools/call', params, { ...(silenceMsMax !== undefined && { silenceMsMax }) })
  const sent = await prepared.send(options)
  const result = sent.kind === 'answered' ? sent.answer.said.result : undefined
  return isJsonObject(result) ? JSON.stringify(result.content) : `${sent.kind}: ${'why' in sent ? sent.why : ''}`
}

const TEA = JSON.stringify([{ type: 'text', text: '3 of {"q":"tea"}' }])

describe('a stdio server of an older revision', { concurrency: true }, () => {
  it('is spoken to in each that there is', async () => {
    for (const revision of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']) {
      const connection = await open(revision)
      assert.equal(connection.revision, revision)
      assert.equal(await called(connection), TEA)
    }
  })

  it('that refuses a version in place of naming another is asked for one that its refusal names', async () => {
    const connection = await open('refuses')
    assert.equal(connection.revision, '2024-11-05')
    assert.equal(await called(connection), TEA)
  })

  it('whose revision is not spoken is told with both sides’ versions, and what to do', async () => {
    const { connected } = await connect('2023-07-01')
    const why = connected.ok ? '' : connected.reason.why
    assert.match(why, /it speaks "2023-07-01", and Firebreak speaks 2026-07-28, .*2024-11-05: take a newer release/)
  })

  it('may answer in a batch where its revision has them; what else is in it is heard', async () => {
    const connection = await open('batch')
    const heard: string[] = []
    const onPart = (part: Part) => {
      if (part instanceof McpNotification) heard.push(part.method)
      return undefined
    }
    assert.equal(await called(connection, undefined, { ...NOW, onPart }), TEA)
    assert.deepEqual(heard, ['notifications/message'])
  })
})

describe('a stdio server that does not take the question for the newest revision', { concurrency: true }, () => {
  for (const mode of ['exits', 'silent', 'drips']) {
    it(`and ${mode} is asked for another process, which is asked to initialize and nothing before`, async () => {
      const first = await connect(mode)
      assert.equal(first.connected.ok, false)
      assert.equal(!first.connected.ok && first.connected.reason.anew, true)
      const second = await connect(mode, '2025-11-25')
      assert.ok(second.connected.ok)
      assert.equal(await called(second.connected.value), TEA)
      assert.deepEqual(second.asked()[0], 'initialize')
    })
  }

  it('but answers it with an error goes on in the same process', async () => {
    const { connected, asked } = await connect('plain')
    assert.ok(connected.ok)
    assert.deepEqual(asked().slice(0, 2), ['server/discover', 'initialize'])
  })

  it('and was found to is never asked it again, however long it takes to start', async () => {
    const { connected, asked } = await connect('slow', '2025-06-18', 3_500)
    assert.ok(connected.ok, JSON.stringify(connected))
    assert.equal(asked().includes('server/discover'), false)
  })
})

describe('a call that takes its time', { concurrency: true }, () => {
  it('goes on while it tells its progress, whether its caller asked for that or not', async () => {
    assert.equal(await called(await open('long', '2025-11-25', 3_000), 1_500), TEA)
  })

  it('ends when its upstream has said nothing for as long as the tool may', async () => {
    assert.match(await called(await open('mute', '2025-11-25', 20_000), 300), /^unknown: no answer within 300 ms$/)
  })
})
