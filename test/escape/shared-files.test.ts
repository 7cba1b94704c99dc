/** Files that a cell and the host both see are not one file to lock or to watch (S3). */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { until } from '../kit/until.ts'
import { hostDirectory, launched, outputOf, SKIP, spec } from './kit.ts'

const FLOCK = '/usr/bin/flock'
/** A file of every host, which nothing of it locks. */
const OF_USR = '/usr/bin/env'

describe('files that the host has, too', {
  skip: SKIP || (!existsSync(FLOCK) && `${FLOCK} is not installed here`),
}, () => {
  it('S3: a lock on one keeps no job of the host from running, and no other cell', async () => {
    const directory = hostDirectory()
    const job = join(directory, 'job')
    writeFileSync(job, 'a job that locks itself', { mode: 0o644 })
    const shown = { files: [{ from: job, to: '/opt/job' }] }
    const cells = await Promise.all(
      ['one', 'two'].map(async () => {
        const script = `exec 8<${OF_USR} 9</opt/job; flock -n 8 && flock -n 9 && echo held; sleep 60`
        const cell = await launched(spec(['sh', '-c', script], shown))
        const output = outputOf(cell)
        cell.start()
        await until('it holds both', () => output.said().includes('held'))
        return cell
      }),
    )
    for (const path of [OF_USR, job])
      assert.equal(spawnSync(FLOCK, ['-n', path, 'true']).status, 0, `${path} is the host's to lock`)
    for (const cell of cells) assert.ok((await cell.teardown()).gone)
  })
})
