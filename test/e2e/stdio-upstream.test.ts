/** A server on its standard streams that lies and dies: its call ends, and nobody else’s does. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { openStreamPair } from '../../src/cells/descriptors.ts'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { writeAccepted } from '../../src/host/prepare/accepted.ts'
import { personName, toolName, upstreamName } from '../../src/model/index.ts'
import { writeConfig } from '../kit/config-text.ts'
import { residentMiB, startGatewayProcessOn, type TestCell } from '../kit/gateway.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { call, errorOf, type HttpReply, textOf } from '../kit/wire.ts'
import { definitionOf, LIES } from './agents/lying-server.ts'

const file = writeConfig(temporaryDirectory(), {
  upstreams: { liar: { mcp: { command: ['liar'] }, tools: Object.fromEntries(LIES.map((lie) => [lie, 'write'])) } },
})
const accepted = LIES.map((lie) => {
  const definition = definitionOf(lie)
  const by = { acceptedBy: personName('maria.silva@shop.example'), acceptedAtMs: Date.now() }
  return [toolName(lie), { name: toolName(lie), definition, digest: definitionDigest(definition), ...by }] as const
})
writeAccepted(file, new Map([[upstreamName('liar'), new Map(accepted)]]))
const gateway = await startGatewayProcessOn(file)

/** A cell with a server of its own, as the warden would start one in an upstream cell. */
async function cellWithServer(): Promise<TestCell> {
  const cell = await gateway.admit()
  const [stdin, stdout] = [openStreamPair(), openStreamPair()]
  if (!stdin.ok || !stdout.ok) throw new Error('no socket pair')
  const main = join(import.meta.dirname, 'agents/lying-server.ts')
  const child = spawn(process.execPath, [main], { stdio: [stdin.value.far, stdout.value.far, 'ignore'], env: {} })
  child.on('error', () => undefined)
  cleanUp(() => void child.kill('SIGKILL'))
  gateway.offer('liar', cell.number, [stdin.value.near, stdout.value.near])
  for (const { near, far } of [stdin.value, stdout.value]) for (const fd of [near, far]) closeSync(fd)
  return cell
}

describe('S14: a server on its standard streams', { concurrency: 4 }, () => {
  it('noise on its standard output answers nothing, and what it asks back is refused', async () => {
    const url = (await cellWithServer()).url('liar')
    for (const lie of ['noise', 'asks-back', 'honest']) assert.equal(textOf(await call(url, lie)), lie)
  })

  for (const lie of ['garbage', 'wrong-id']) {
    it(`S11: ${lie}: it is no answer; the cell gives up, and its next call is served`, async () => {
      const url = (await cellWithServer()).url('liar')
      assert.equal(await silent(call(url, lie, {}, { signal: AbortSignal.timeout(1_500) })), 'no answer')
      assert.equal(textOf(await call(url, 'honest')), 'honest')
    })
  }

  it('S11: an answer that cannot be read ends its call at once, and says so in the ledger', async () => {
    const url = (await cellWithServer()).url('liar')
    assert.match(errorOf(await call(url, 'duplicate-keys'))?.message ?? '', /^the answer was withheld/)
    const told = (all: Awaited<ReturnType<typeof gateway.entries>>) =>
      all.some((entry) => entry.kind === 'action.outcome' && entry.detail?.startsWith('its answer cannot be read'))
    assert.ok(told(await gateway.entries(told)))
    assert.equal(textOf(await call(url, 'honest')), 'honest')
  })

  it('S17: a line without an end is cut, and the call is unknown', async () => {
    const before = residentMiB(gateway.gatewayPid)
    const reply = await call((await cellWithServer()).url('liar'), 'endless-line')
    assert.equal(errorOf(reply)?.code, -32603)
    assert.ok(residentMiB(gateway.gatewayPid) - before < 64)
  })

  it('S14: one that exits leaves its call unknown; another cell’s server is its own', async () => {
    const [cell, neighbour] = [await cellWithServer(), await cellWithServer()]
    assert.equal(textOf(await call(neighbour.url('liar'), 'honest')), 'honest')
    assert.equal(errorOf(await call(cell.url('liar'), 'exits'))?.code, -32603)
    assert.equal(textOf(await call(neighbour.url('liar'), 'honest')), 'honest')
    const unknown = (all: Awaited<ReturnType<typeof gateway.entries>>) =>
      all.some(
        (outcome) =>
          outcome.kind === 'action.outcome' &&
          outcome.outcome === 'unknown' &&
          all.some((e) => e.kind === 'action.intent' && e.action === outcome.action && e.cell === cell.id),
      )
    assert.ok(unknown(await gateway.entries(unknown)))
  })
})

async function silent(reply: Promise<HttpReply>): Promise<string> {
  try {
    return (await reply).text
  } catch (error) {
    return error instanceof Error && /abort|timeout/i.test(`${error.name} ${error.message}`)
      ? 'no answer'
      : String(error)
  }
}
