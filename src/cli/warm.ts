/**
 * Has everything loaded that a start loads, so that its compiled form is kept (see bin/setup.js). Every program of ours
 * is run as nobody starts it: without what its caller gives it, it tells so and ends, and has loaded its modules.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { DRIVERS } from '../host/drivers.ts'
import { COMMANDS } from './commands.ts'

const PROGRAMS = [
  'cli/main.ts',
  'gateway/main.ts',
  'gateway/inspect-main.ts',
  'ledger/seal/witness-main.ts',
  'cells/linux/streams/pump-main.ts',
  'cells/linux/streams/listener-main.ts',
]

// In this process: its cache is theirs.
await Promise.all([...Object.values(COMMANDS), ...DRIVERS].map(({ load }) => load()))
for (const program of PROGRAMS)
  spawnSync(process.execPath, [join(import.meta.dirname, '..', program)], { stdio: 'ignore', timeout: 60_000 })
