import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Desk, fill, openDesk } from '../../../test/sim/ledger-fixture.ts'
import type { Entry } from '../../model/entry.ts'
import { newActionId } from '../../model/index.ts'
import { type ExportFormat, exportLedger } from '../export/export.ts'
import { ocsfEvent } from '../export/export-ocsf.ts'
import { fileLogs } from '../files/file-logs.ts'
import { parseWitnessKey } from '../log/note.ts'
import { readEntries } from '../log/read.ts'
import { checkProof, type EntryProof, proveEntry } from './prove.ts'

let desk: Desk

before(async () => {
  desk = openDesk()
  const open = await desk.open('test')
  await fill(open.ledger, 21)
  const { action, cell, agent, environment } = (await entries()).at(0) as Extract<Entry, { kind: 'action.intent' }>
  open.ledger.append({ kind: 'action.outcome', action, outcome: 'done' })
  open.ledger.append({ kind: 'action.refused', action, cell, agent, environment, reasons: [{ kind: 'no-grant' }] })
  await open.close()
})

after(() => desk.remove())

describe('a proof of one entry', () => {
  it('S12: convinces with the key alone, and nothing in it can be changed', async () => {
    const key = parseWitnessKey(readFileSync(join(desk.witnessDirectory, 'witness.pub'), 'utf8').trim())
    assert.ok(key.ok)
    for (const seq of [0, 7, 15, 16, 22]) {
      const proven = await proveEntry({ ...desk, log: 'test', seq, witness: { directory: desk.witnessDirectory } })
      assert.ok(proven.ok)
      const proof: EntryProof = JSON.parse(JSON.stringify(proven.value))
      const checked = checkProof(proof, key.value)
      assert.ok(checked.ok)
      assert.equal((checked.value as { seq: number }).seq, seq)
      for (const bad of [
        { ...proof, seq: seq + 1 },
        { ...proof, origin: 'firebreak/production' },
        { ...proof, entry: proof.entry.replace('"v":1', '"v":2') },
        { ...proof, path: proof.path.slice(1) },
        { ...proof, path: [...proof.path, proof.path[0] as string] },
        { ...proof, path: ['zz'] },
        { ...proof, seal: proof.seal.replace('\n23\n', '\n24\n') },
      ]) {
        assert.equal(checkProof(bad, key.value).ok, false)
      }
    }
  })

  it('says when an entry is not there, or not sealed', async () => {
    const proven = await proveEntry({ ...desk, log: 'test', seq: 23, witness: { directory: desk.witnessDirectory } })
    assert.equal(!proven.ok && proven.reason.kind, 'unsealed')
  })
})

describe('export', () => {
  it('jsonl: the canonical bytes of every entry, in order', async () => {
    const lines = await exported('jsonl')
    assert.equal(lines.length, 23)
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      await entries(),
    )
    assert.ok(lines[0]?.startsWith('{"action":"a_'))
  })

  it('ocsf: API Activity with what its class requires, an outcome joined to its intent', async () => {
    const events = (await exported('ocsf')).map((line) => JSON.parse(line))
    for (const event of events) {
      assert.equal(event.class_uid, 6003)
      assert.equal(event.category_uid, 6)
      assert.equal(event.type_uid, 600_300 + event.activity_id)
      for (const required of ['actor', 'api', 'src_endpoint', 'metadata', 'severity_id', 'time'])
        assert.ok(required in event)
      assert.ok(event.metadata.version && event.metadata.product.vendor_name && event.api.operation)
    }
    const [outcome, refusal] = events.slice(-2)
    assert.deepEqual([outcome.actor.app_name, outcome.status_id], ['refund-bot', 1])
    assert.deepEqual([refusal.status_id, refusal.action_id, refusal.disposition_id], [2, 2, 2])
  })

  it('ocsf: what was withheld and may have happened is neither a success nor a failure', () => {
    const at = { v: 1, seq: 1, atMs: 1_700_000_000_000 } as const
    const body = { kind: 'action.outcome', action: newActionId(1, new Uint8Array(16)), outcome: 'withheld' } as const
    const statuses = [undefined, 'no', 'unknown'] as const
    const events = statuses.map((happened) =>
      ocsfEvent({ ...at, ...body, ...(happened && { happened }) }, undefined, 'o'),
    )
    assert.deepEqual(
      events.map((event) => event !== undefined && 'status_id' in event && event.status_id),
      [2, 2, 0],
    )
  })

  it('otel: OTLP/JSON, with 64-bit numbers as strings', async () => {
    const [line, ...more] = await exported('otel')
    assert.equal(more.length, 0)
    const [resource] = JSON.parse(line ?? '').resourceLogs
    const { logRecords } = resource.scopeLogs[0]
    assert.equal(logRecords.length, 23)
    for (const record of logRecords) {
      assert.match(record.timeUnixNano, /^\d{19}$/)
      assert.ok([9, 13].includes(record.severityNumber))
      const seq = record.attributes.find(({ key }: { key: string }) => key === 'firebreak.seq')
      assert.match(seq.value.intValue, /^\d+$/)
    }
    assert.deepEqual(resource.resource.attributes[0], { key: 'service.name', value: { stringValue: 'firebreak' } })
  })
})

describe('reading a log', () => {
  it('begins at any entry, across segments', async () => {
    for (const from of [0, 5, 11, 22, 23, 99]) {
      const found: number[] = []
      for await (const read of readEntries(join(desk.ledgerDirectory, 'test'), from))
        if (read.ok) found.push(read.value.seq)
      assert.deepEqual(
        found,
        Array.from({ length: Math.max(0, 23 - from) }, (_, i) => from + i),
      )
    }
  })
})

async function exported(format: ExportFormat): Promise<string[]> {
  const lines: string[] = []
  for await (const line of exportLedger(fileLogs(desk.ledgerDirectory).log('test'), format)) {
    assert.ok(line.ok)
    assert.ok(line.value.endsWith('\n'))
    lines.push(line.value)
  }
  return lines
}

async function entries(): Promise<Entry[]> {
  const found: Entry[] = []
  for await (const read of readEntries(join(desk.ledgerDirectory, 'test'))) {
    assert.ok(read.ok)
    found.push(read.value)
  }
  return found
}
