/** Says that it is ready; told to go, it clears up after dead wardens, and prints what it could not remove. */
import { once } from 'node:events'
import process from 'node:process'
import { defaultRunDirectory } from '../../src/cells/linux/launch/run-directories.ts'
import { reapOrphans } from '../../src/cells/linux/launch/run-directory.ts'
import { CGROUP_PARENT } from '../../src/cells/linux/limits/cgroup.ts'
import { openCgroups } from '../../src/cells/linux/limits/cgroup-host.ts'

const cgroups = openCgroups(CGROUP_PARENT)
console.log('ready')
await once(process.stdin, 'data')
const reaped = await reapOrphans(defaultRunDirectory('full'), cgroups)
console.log(JSON.stringify(reaped.flatMap(({ left }) => left)))
process.exit(0)
