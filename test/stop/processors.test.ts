/** A stop runs before all that is scheduled by shares, and no longer than it takes. sched(7) */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import type { Services } from '../../src/host/services/services.ts'
import type { Order } from '../../src/host/stop/containment.ts'
import { fileFences } from '../../src/host/stop/fence.ts'
import { newOrderId, type Stop, stopCells } from '../../src/host/stop/stop.ts'
import { agentName } from '../../src/model/index.ts'
import { SKIP } from '../kit/command-line.ts'
import { runsProgram } from '../kit/runs-program.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { BY_MARIA, desk, ledgerHolds, nothingIsLeft, over, standsStill, WRITES } from './kit.ts'

const [OTHER, ROUND_ROBIN] = [0, 2]
const SPINNING = 32
const SERVICES = ['gateway/main', 'ledger/seal/witness-main'] as const

describe('S8: who has loaded every processor', { skip: SKIP }, () => {
  const stop = (gateway: number): Stop => {
    const order: Order = { id: newOrderId(), target: { kind: 'all' }, rung: 'frozen', by: 'maria', why: 'a test' }
    const services = { gatewayPid: gateway } as Services // nobody is served: nobody is told
    const directory = temporaryDirectory()
    const nobody = { stopping: [], leaving: [], shared: [], alsoAtGate: [] }
    return { order, ...nobody, agents: [agentName('alpha')], services, fences: fileFences(directory), number: 1 }
  }

  it('warden and gateway run first while a stop is under way, and as everybody does after it', async () => {
    const gateway = spawn('sleep', ['60'])
    cleanUp(() => void gateway.kill())
    const both = () => [process.pid, gateway.pid].map((pid) => policyOf(Number(pid)))
    const during: number[][] = []
    await stopCells(stop(Number(gateway.pid)), () => void during.push(both()))
    assert.deepEqual(during, [[ROUND_ROBIN, ROUND_ROBIN]], 'control: it confirms a fence that is missing as missing')
    assert.deepEqual(both(), [OTHER, OTHER])
  })

  it('also after one that throws, and where the gateway is gone', async () => {
    const gateway = spawn('true')
    await new Promise((ended) => gateway.once('exit', ended))
    const thrown = () => {
      assert.equal(policyOf(process.pid), ROUND_ROBIN)
      throw new Error('nobody hears it')
    }
    await assert.rejects(stopCells(stop(Number(gateway.pid)), thrown), /nobody hears it/)
    assert.equal(policyOf(process.pid), OTHER)
  })

  it('an agent that spins in 32 processes and heeds no signal stands still all the same', async () => {
    // Once it acts: who begins in such a crowd takes long.
    const spin = `read -r _; for i in $(seq ${SPINNING}); do (while :; do :; done) & done; cat`
    const act = `trap "" TERM INT HUP QUIT; ${WRITES.join(' ')} | (${spin})`
    const hostile = await desk({ command: ['/usr/bin/bash', '-c', act] })
    const run = await hostile.start()
    const stopped = await hostile.ask(['contain', 'alpha', ...BY_MARIA])
    const still = await standsStill(hostile)
    assert.equal(stopped.code, 0, stopped.stdout)
    assert.doesNotMatch(stopped.stdout, /^NO /m)
    const [receipt = ''] = readdirSync(join(hostile.state, 'receipts')).filter((name) => name.endsWith('.note'))
    const evidence = readFileSync(join(hostile.state, 'receipts', receipt), 'utf8')
    assert.ok(evidence.split('"program":"/usr/bin/bash"').length > SPINNING, `control: ${evidence.slice(0, 2_000)}`)
    const ours = [
      run.pid,
      ...childrenOf(run.pid).filter((pid) => SERVICES.some((each) => runsProgram(commandOf(pid), each))),
    ]
    assert.equal(ours.length, 3, 'control: the warden, its gateway and the witness')
    assert.deepEqual(
      ours.map((pid) => policyOf(pid)),
      ours.map(() => OTHER),
    )
    await over(hostile, run)
    still()
    await ledgerHolds(hostile)
    await nothingIsLeft(hostile)
  })
})

/** proc(5), stat field 41; the name in brackets may hold anything. */
function policyOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38])
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
}
