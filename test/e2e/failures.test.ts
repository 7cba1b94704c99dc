/** The failure matrix at the gateway (S14): the witness, the ledger's disk or the gateway itself fails, and the door is shut. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pulseBytes } from '../../src/gateway/link/pulse.ts'
import type { JsonObject } from '../../src/model/index.ts'
import { startGatewayProcess, startGatewayProcessOn, type TestGateway } from '../kit/gateway.ts'
import { stolenDescriptor } from '../kit/host.ts'
import { type ScriptedUpstream, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, errorOf, type HttpReply, modern, textOf } from '../kit/wire.ts'

const NOTE: JsonObject = { type: 'object', properties: { text: { type: 'string' } } }

function desk(): Promise<ScriptedUpstream> {
  return startUpstream({
    era: 'modern',
    tools: [tool('note', { inputSchema: NOTE }), tool('look'), tool('hang')],
    onCall: ({ name }) => (name === 'hang' ? undefined : textResult(name)),
  })
}

function plan({ url }: ScriptedUpstream) {
  return { upstreams: { desk: { mcp: { url }, tools: { note: 'write', look: 'read', hang: 'write' } as const } } }
}

type Entries = Awaited<ReturnType<TestGateway['entries']>>

function refusedFor(entries: Entries, what: string): number {
  return entries.filter((entry) => entry.kind === 'action.refused' && JSON.stringify(entry.reasons).includes(what))
    .length
}

describe('S4, S14: the witness', { concurrency: 2 }, () => {
  it('S4: killed: what has an effect is refused five seconds later, reads are still answered', async () => {
    const upstream = await desk()
    const gateway = await startGatewayProcess(plan(upstream))
    const url = (await gateway.admit()).url('desk')
    assert.equal(textOf(await call(url, 'note', { text: 'before' })), 'note')
    process.kill(gateway.witnessPid, 'SIGKILL')
    await delay(6_500)
    const sent = upstream.calls.length
    const refused = await call(url, 'note', { text: 'after' })
    assert.equal(errorOf(refused)?.code, 403)
    assert.doesNotMatch(refused.text, /witness|seal/, 'a cell hears only that it was refused')
    assert.equal(textOf(await call(url, 'look')), 'look')
    assert.match((await modern(url, 'tools/list', {})).text, /"look"/)
    assert.deepEqual(
      upstream.calls.slice(sent).map(({ name }) => name),
      ['look'],
    )
    const told = await gateway.entries((all) => refusedFor(all, '"what":"witness"') > 0)
    assert.equal(refusedFor(told, '"what":"witness"'), 1)
  })

  it('S4: stopped without a word, it is missed in the same way, and trusted again when it is back', async () => {
    const upstream = await desk()
    const gateway = await startGatewayProcess(plan(upstream))
    const url = (await gateway.admit()).url('desk')
    process.kill(gateway.witnessPid, 'SIGSTOP')
    await delay(6_500)
    assert.equal(errorOf(await call(url, 'note', {}))?.code, 403)
    process.kill(gateway.witnessPid, 'SIGCONT')
    await until('a call is answered', async () => textOf(await call(url, 'note', {})) === 'note')
    assert.equal(upstream.calls.length, 1)
  })
})

describe('S4, S14: the disk under the ledger', () => {
  const skip = process.getuid?.() !== 0 ? 'a small disk is mounted as root' : !existsSync('/bin/mount') && 'no mount(8)'

  it('S4: full: everything is refused, nothing more is sent, nothing acknowledged is lost', { skip }, async () => {
    const disk = join(temporaryDirectory(), 'disk')
    mkdirSync(disk, { mode: 0o711 })
    const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=20m,mode=711', 'tmpfs', disk])
    assert.equal(mounted.status, 0, mounted.stderr.toString())
    cleanUp(() => void spawnSync('/bin/umount', ['-l', disk]))
    const upstream = await desk()
    const gateway = await startGatewayProcess(plan(upstream), { stateDirectory: join(disk, 'state') })
    const url = (await gateway.admit()).url('desk')
    const replies: HttpReply[] = []
    for (let i = 0; i < 30; i++) replies.push(await call(url, 'note', { text: `${i} ${'x'.repeat(900_000)}` }))
    const acknowledged = replies.filter((reply) => textOf(reply) === 'note').length
    assert.ok(acknowledged >= 3 && acknowledged < 30, `${acknowledged} were acknowledged`)
    assert.ok(
      replies.slice(acknowledged).every((reply) => errorOf(reply) !== undefined),
      'none after the first refusal',
    )
    const sent = upstream.calls.length
    assert.equal(sent, acknowledged)
    assert.equal(errorOf(await call(url, 'note', { text: 'small' }))?.code, 403)
    assert.equal(errorOf(await call(url, 'look'))?.code, 403, 'a read does not leave a dead ledger either')
    assert.equal(upstream.calls.length, sent)
    const told = (await gateway.entries()).filter(({ kind }) => kind === 'action.intent')
    assert.ok(told.length >= acknowledged, `${told.length} intents for ${acknowledged} acknowledged calls`)
  })
})

describe('S14: the gateway', { concurrency: 2 }, () => {
  it('S14: killed: connections are refused at once, the warden hears it, what was under way is unknown', async () => {
    const upstream = await desk()
    const gateway = await startGatewayProcess(plan(upstream))
    const cell = await gateway.admit()
    assert.equal(textOf(await call(cell.url('desk'), 'note', {})), 'note')
    const cut = assert.rejects(call(cell.url('desk'), 'hang'))
    await until('two calls arrive', () => upstream.calls.length === 2)
    process.kill(gateway.gatewayPid, 'SIGKILL')
    assert.match(await gateway.lost, /SIGKILL/)
    await assert.rejects(call(cell.url('desk'), 'note', {}), /ECONNREFUSED|ECONNRESET/)
    await cut
    assert.equal(upstream.calls.length, 2)
    await gateway.stop()

    const next = await startGatewayProcessOn(gateway.configFile, {
      stateDirectory: gateway.state.directory,
      accept: false,
    })
    assert.equal(textOf(await call((await next.admit()).url('desk'), 'note', {})), 'note')
    const told = await next.entries((all) => all.filter(({ kind }) => kind === 'action.outcome').length === 2)
    const intents = told.flatMap((entry) => (entry.kind === 'action.intent' ? [entry.action] : []))
    const outcomes = new Set(told.flatMap((entry) => (entry.kind === 'action.outcome' ? [entry.action] : [])))
    assert.deepEqual(
      intents.map((action) => outcomes.has(action)),
      [true, false, true],
      'the call under way has an intent and no outcome',
    )
    assert.deepEqual(
      told.map(({ seq }) => seq),
      told.map((_, i) => i),
    )
  })

  it('S14: stopped without a word, it is missed by the warden, ended, and its door is shut', async () => {
    const gateway = await startGatewayProcess(plan(await desk()))
    const url = (await gateway.admit()).url('desk')
    process.kill(gateway.gatewayPid, 'SIGSTOP')
    const waiting = assert.rejects(call(url, 'note', {}), /ECONNREFUSED|ECONNRESET|socket hang up/)
    assert.equal(await gateway.lost, 'no heartbeat for 3000 ms')
    await waiting
    await assert.rejects(call(url, 'note', {}), /ECONNREFUSED/)
  })

  const root = process.getuid?.() === 0 ? false : 'its descriptor is taken as root'
  it('S14: S17: one that floods the warden with what nobody asked is ended', { skip: root }, async () => {
    const gateway = await startGatewayProcess(plan(await desk()))
    const pulses = stolenDescriptor(gateway.gatewayPid, 4)
    // At once: it is this very process that hears it.
    const say = (from: number, count: number) => {
      const said = Array.from({ length: count }, (_, i) => pulseBytes({ kind: 'cell-ready', number: from + i }))
      writeSync(pulses, Buffer.concat(said))
    }
    say(1_000, 1_000)
    assert.equal(await Promise.race([gateway.lost, delay(300, 'still there')]), 'still there')
    say(2_000, 25)
    closeSync(pulses)
    const lost = await Promise.race([gateway.lost, delay(10_000, 'still there', { ref: false })])
    assert.equal(lost, 'it said 1024 things that nobody asked')
  })

  it('S13: a cell that has ended has no listener, and the others keep theirs', async () => {
    const upstream = await desk()
    const gateway = await startGatewayProcess(plan(upstream))
    const [gone, stays] = [await gateway.admit(), await gateway.admit('beta')]
    const cut = assert.rejects(call(gone.url('desk'), 'hang'))
    await until('it has been sent', () => upstream.calls.some(({ name }) => name === 'hang'))
    await gone.end()
    await cut
    await assert.rejects(call(gone.url('desk'), 'look'), /ECONNREFUSED/)
    assert.equal(textOf(await call(stays.url('desk'), 'look')), 'look')
    const told = await gateway.entries((all) => all.some(({ kind }) => kind === 'action.outcome'))
    assert.ok(told.some((entry) => entry.kind === 'action.outcome' && entry.outcome === 'unknown'))
  })
})
