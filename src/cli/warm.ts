/**
 * Has everything loaded that a start loads, so that its compiled form is kept (see bin/setup.js). Every program of ours
 * is run as nobody starts it: without what its caller gives it, it tells so and ends, and has loaded its modules.
 */
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { DRIVERS } from '../host/drivers.ts'
import { PROGRAMS, programPath } from '../model/host/program-file.ts'
import { COMMANDS } from './commands.ts'

// In this process: its cache is theirs.
await Promise.all([...Object.values(COMMANDS), ...DRIVERS].map(({ load }) => load()))
for (const program of PROGRAMS)
  spawnSync(process.execPath, [programPath(program)], { stdio: 'ignore', timeout: 60_000 })
