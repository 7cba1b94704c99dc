/** Restores or saves one workspace and is killed, by itself and with no warning, after the step that it was told. */

import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { recordFrom } from '../../src/cells/workspace.ts'
import { storeOf } from '../../src/host/files/checkpoints.ts'
import { newCheckpointId } from '../../src/model/ids.ts'
import type { Checkpoint } from '../../src/recovery/checkpoint.ts'

const [what = '', changes = '', id = '', lastStep = ''] = process.argv.slice(2)
const warden = await openWarden()
if (!warden.ok) throw new Error(JSON.stringify(warden.reason))
const store = storeOf(changes)
const known = store.list().find((each) => each.id === id)
if (known === undefined) throw new Error(`no checkpoint ${id}`)
const at = (step: string): void => {
  if (step !== lastStep) return
  console.log(step)
  process.kill(process.pid, 'SIGKILL')
}

if (what === 'restore') {
  const record = recordFrom(known.workspace)
  if (record === undefined) throw new Error('no record')
  console.log(JSON.stringify(await warden.value.replace(changes, { image: store.imageOf(known.id), record }, at)))
} else if (what === 'remove') {
  await warden.value.still(changes, async () => store.remove(known.id))
  at('out of the history')
} else {
  const made: Checkpoint = { ...known, id: newCheckpointId(Date.now(), randomBytes(16)) }
  await warden.value.still(changes, async (still) => {
    const copied = await still.copy(store.begin(made.id))
    if (!copied.ok) throw new Error(JSON.stringify(copied))
    at('copied')
    await store.finish(made, at)
  })
}
