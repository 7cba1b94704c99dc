/** A warden that launches one running cell and one that is never started, says so, and waits to be killed. */
import process from 'node:process'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { spec } from './kit.ts'

const [lower = '', changes = '', changesOfBlocked = ''] = process.argv.slice(2)
const warden = await openWarden()
if (!warden.ok) throw new Error(JSON.stringify(warden.reason))
const running = await warden.value.launch(spec(['sleep', '60'], { workspace: { lower, changes, at: '/work' } }))
const blocked = await warden.value.launch(
  spec(['sh', '-c', 'touch /work/ran; sleep 60'], { workspace: { lower, changes: changesOfBlocked, at: '/work' } }),
)
if (!running.ok || !blocked.ok) throw new Error('not launched')
running.value.start()
setTimeout(
  () =>
    console.log(
      JSON.stringify({
        cell: running.value.id,
        uid: running.value.uid,
        blocked: blocked.value.id,
        blockedUid: blocked.value.uid,
      }),
    ),
  100,
)
setTimeout(() => {}, 60_000)
