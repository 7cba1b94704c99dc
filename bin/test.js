// npm test: installs what is missing, then runs every test on the pinned Node, each file in a process of its own. Arguments
// are test files, globs, or directories: those of the sources are run in a few processes.
import { spawn } from 'node:child_process'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { cache, pinnedNode, root, setUp } from './setup.js'
import { groupsOf, testFilesUnder, writeGroups } from './test-groups.js'

/** A test has five minutes; a file that lives this long is stuck after its tests, or in a call that never returns. */
const FILE_MS_MAX = 20 * 60_000
const LOOK_EVERY_MS = 5_000
/** Files at once: half of what they take is waiting. More than eight starve the tests that count what they wait for. */
const FILES_AT_ONCE = Math.min(2 * availableParallelism(), 8)

const bundle = setUp()
/** Groups of test files that share a process: each loads the sources once. */
const GROUPS = 12
const groupDirectory = join(cache, `tests-${process.pid}`)
const asked = process.argv.slice(2)
const files =
  asked.length > 0 ? asked.flatMap(filesOf) : ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts']
const runner = spawn(
  pinnedNode(),
  ['--test', `--test-concurrency=${FILES_AT_ONCE}`, '--test-timeout=600000', ...files],
  {
    cwd: root,
    // Hundreds of files load the same modules.
    env: { ...process.env, NODE_COMPILE_CACHE: cache, ...(bundle && { FIREBREAK_BUNDLE: bundle }) },
    stdio: 'inherit',
  },
)
const looking = setInterval(endStuckFiles, LOOK_EVERY_MS)
// A terminal sends these to the runner as well, which ends its files and tells what it has; its end is ours.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => runner.kill(signal))
runner.once('exit', (status) => {
  clearInterval(looking)
  quietly(() => rmSync(groupDirectory, { recursive: true, force: true }))
  process.exitCode = status ?? 1
})

/** Returns what the runner is given for an argument: the files of a directory, in groups where they are sources' own. */
function filesOf(argument, index) {
  const place = resolve(root, argument)
  if (!quietly(() => statSync(place).isDirectory())) return [argument]
  const found = testFilesUnder(place)
  if (!`${place}/`.startsWith(join(root, 'src/'))) return found
  const { alone, groups } = groupsOf(found, GROUPS)
  return [...writeGroups(groups, join(groupDirectory, `${index}`), root), ...alone]
}

/** When each process of a test file was first seen, by its pid; monotonic ms. */
const seen = new Map()

/** Kills each test file that does not end by itself, so that the runner tells it as failed and goes on. */
function endStuckFiles() {
  const living = childrenOf(runner.pid)
  for (const pid of seen.keys()) if (!living.includes(pid)) seen.delete(pid)
  for (const pid of living) {
    if (!seen.has(pid)) seen.set(pid, performance.now())
    if (performance.now() - seen.get(pid) < FILE_MS_MAX) continue
    process.stderr.write(`firebreak: ${fileOf(pid)} did not end within ${FILE_MS_MAX / 60_000} minutes: killed\n`)
    quietly(() => process.kill(pid, 'SIGKILL'))
  }
}

function childrenOf(pid) {
  return textOf(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
}

function fileOf(pid) {
  return textOf(`/proc/${pid}/cmdline`).split('\0').filter(Boolean).at(-1) ?? `process ${pid}`
}

function textOf(path) {
  return quietly(() => readFileSync(path, 'utf8')) ?? ''
}

function quietly(step) {
  try {
    return step()
  } catch {
    return undefined
  }
}
