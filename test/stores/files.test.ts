import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { fileMailbox } from '../../src/host/people/file-mailbox.ts'
import { fileFences } from '../../src/host/stop/fence.ts'
import { fileLogs } from '../../src/ledger/files/file-logs.ts'
import { writableLog } from '../../src/ledger/files/writable-log.ts'
import { openLedger, originOf } from '../../src/ledger/log/ledger.ts'
import { LogReader } from '../../src/ledger/log/read.ts'
import { actionId, environmentName, personName } from '../../src/model/index.ts'
import { SOLE_ESCROW } from '../../src/policy/budget/escrow.ts'
import { fill, SMALL_SEGMENTS } from '../sim/ledger-fixture.ts'
import { escrowContract } from './escrow-contract.ts'
import { fencesContract } from './fences-contract.ts'
import { logsContract } from './logs-contract.ts'
import { mailboxContract } from './mailbox-contract.ts'

const directory = mkdtempSync(join(tmpdir(), 'firebreak-stores-'))
after(() => rmSync(directory, { recursive: true, force: true }))
let states = 0
const newState = () => join(directory, `${++states}`)

logsContract('files', () => {
  const directory = join(newState(), 'ledger')
  return { ...fileLogs(directory), log: (name) => writableLog(join(directory, name), name) }
})
fencesContract('files', () => {
  const state = newState()
  mkdirSync(state, { recursive: true })
  const again = () => fileFences(state)
  return { fences: again(), again, lose: () => writeFileSync(join(state, 'fence', 'fence.json'), '{') }
})
mailboxContract('files', () => {
  const state = newState()
  mkdirSync(state, { recursive: true })
  return { mailbox: fileMailbox(state), again: () => fileMailbox(state) }
})

escrowContract('one gateway', 1, () => () => SOLE_ESCROW)

it('MB3: what lies in a mailbox of files and is no answer approves nothing, and keeps no other back', async () => {
  const state = newState()
  mkdirSync(join(state, 'approvals'), { recursive: true })
  const [broken, good] = [actionId('a_00000000000000000001'), actionId('a_00000000000000000002')]
  writeFileSync(join(state, 'approvals', `${broken}.json`), '{ "approved": "yes" }')
  const mailbox = fileMailbox(state)
  const shared = { environment: environmentName('test'), approved: true, by: personName('alice'), forMs: 1 }
  const onBroken = await mailbox.put({ hold: broken, ...shared })
  assert.match(onBroken.ok ? '' : onBroken.reason, /an answer to a_0+1 lies there that cannot be read/)
  assert.ok((await mailbox.put({ hold: good, ...shared })).ok)
  assert.equal(await mailbox.get(broken), undefined)
  assert.deepEqual(await mailbox.list(environmentName('test')), [{ hold: good, ...shared }])
  assert.equal(await mailbox.wasRefused(broken), true)
})

it('LG2: a follower reads on over segments, each entry once, and hears of a damaged one', async () => {
  const directory = join(newState(), 'test')
  const options = { directory, origin: originOf('test'), clock: { nowMs: Date.now }, segmentBytes: SMALL_SEGMENTS }
  const opened = await openLedger(options)
  assert.ok(opened.ok)
  const reader = new LogReader(directory, 0)
  const seqs: number[] = []
  const readOn = async () => {
    for await (const each of reader.more()) {
      if (!each.ok) return each.reason.kind
      seqs.push(each.value.seq)
    }
    return undefined
  }
  for (let i = 0; i < 60; i++) {
    await fill(opened.value, 1, i)
    if (i % 7 === 0) assert.equal(await readOn(), undefined)
  }
  assert.equal(await readOn(), undefined)
  assert.deepEqual(
    seqs,
    Array.from({ length: 60 }, (_, i) => i),
  )
  const segments = readdirSync(directory).filter((name) => name.endsWith('.segment'))
  assert.ok(segments.length > 3, `${segments.length} segments`)
  await opened.value.close()
  const path = join(directory, segments[1] ?? '')
  const bytes = readFileSync(path)
  bytes.fill(0xff, 2_000, 2_100)
  writeFileSync(path, bytes)
  const again = new LogReader(directory, 0)
  const faults: string[] = []
  for await (const each of again.more()) if (!each.ok) faults.push(each.reason.kind)
  assert.deepEqual(faults, ['damaged'])
})
