/**
 * Bundles our programs, so that a start reads a few files instead of hundreds: a third of its time went into finding them.
 * `node bin/build.js KEY` writes `node_modules/.cache/firebreak/program/KEY/` at once or not at all; KEY names the sources
 * as `bin/sources-key` does. Where no bundle can be made, programs run from their sources.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { PROGRAMS } from '../src/model/host/program-file.ts'
import { cache, root } from './setup.js'

const programs = join(cache, 'program')

const STARTED = [...PROGRAMS, 'cli/warm']
/** Programs of helper cells, each in one file: a cell is shown nothing else of ours. */
const IN_CELLS = ['cells/linux/workspace/inside/diff-main', 'cells/linux/workspace/inside/land-main']

/** Bundles of other states of the sources that are kept, run or not: another user's processes may be hidden from us. */
const KEPT_DAYS = 2

/** Makes the bundle of the present sources where there is no whole one; returns its directory, undefined where there is none. */
async function build(key) {
  if (!/^[0-9a-f]{64}$/.test(key)) return undefined
  const place = join(programs, key)
  if (isWhole(place)) return place
  let making
  try {
    // What other tools keep beside ours is listed by whom they let; services only pass.
    const around = dirname(cache)
    const mode = existsSync(around) ? (statSync(around).mode & 0o777) | 0o011 : 0o755
    mkdirSync(programs, { recursive: true })
    chmodSync(around, mode)
    for (const directory of [cache, programs]) chmodSync(directory, 0o755)
    making = mkdtempSync(join(programs, '.making-'))
    const { build: bundle } = await import('esbuild')
    const common = {
      absWorkingDir: root,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node24',
      outdir: making,
      logLevel: 'silent',
      legalComments: 'none',
    }
    await bundle({
      ...common,
      entryPoints: STARTED.map((program) => ({ in: `src/${program}.ts`, out: program.replaceAll('/', '-') })),
      splitting: true,
      // Flat, so that the way from any of them to the sources is one.
      chunkNames: '[name]-[hash]',
      external: ['koffi', '@cedar-policy/*'],
      plugins: [placesOfSources(place)],
      banner: { js: REQUIRE },
    })
    await bundle({
      ...common,
      outdir: join(making, 'inside'),
      entryPoints: IN_CELLS.map((program) => `src/${program}.ts`),
    })
    for (const directory of [making, join(making, 'inside')]) {
      writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n')
    }
    writeFileSync(join(making, WHOLE), `${filled(making)}\n`)
    makeReadable(making)
    sync(making)
    // One that a power loss has torn: whoever runs from it goes on with what is loaded.
    if (existsSync(place) && !isWhole(place)) renameSync(place, mkdtempSync(join(programs, '.torn-')))
    renameSync(making, place)
    syncOne(programs)
    removeOld(key)
    return place
  } catch {
    // Another process may have been first.
    if (making !== undefined) rmSync(making, { recursive: true, force: true })
    return isWhole(place) ? place : undefined
  }
}

/** The file of a bundle that is written last: the number of its programs' files, as `bin/firebreak` counts them. */
const WHOLE = 'whole'

/** Tells whether a bundle has all its files: one that a power loss has left empty ends without a word, as if all were done. */
function isWhole(place) {
  try {
    return Number(readFileSync(join(place, WHOLE), 'utf8')) === filled(place)
  } catch {
    return false
  }
}

function filled(place) {
  return [place, join(place, 'inside')].flatMap((directory) =>
    readdirSync(directory).filter((name) => name.endsWith('.js') && statSync(join(directory, name)).size > 0),
  ).length
}

/** Has the disk keep all that lies in a directory, before its name says that it is whole. */
function sync(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true }))
    syncOne(join(entry.parentPath, entry.name))
  syncOne(directory)
}

function syncOne(path) {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Packages of the older kind ask for Node's modules by `require`. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/**
 * Has our files find what lies beside their sources (documents, workers, shipped examples) from the bundle: there `import.meta`
 * is of another file. `program-file.ts` alone asks where it really runs.
 */
function placesOfSources(place) {
  return {
    name: 'places of sources',
    setup(bundling) {
      bundling.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8')
        if (path.endsWith('/program-file.ts') || !text.includes('import.meta')) return undefined
        const file = relative(place, path)
        const isStarted = STARTED.some((program) => path.endsWith(`/src/${program}.ts`))
        const contents = text
          .replaceAll('import.meta.main', isStarted ? 'import.meta.main' : 'false')
          .replaceAll('import.meta.dirname', `(import.meta.dirname + ${JSON.stringify(`/${dirname(file)}`)})`)
          .replaceAll('import.meta.filename', `(import.meta.dirname + ${JSON.stringify(`/${file}`)})`)
          .replaceAll('import.meta.url', `new URL(${JSON.stringify(file)}, import.meta.url).href`)
        return { contents, loader: 'ts' }
      })
    },
  }
}

/** Services run as uids of their own, and load some of it when they need it; a umask of 027 would shut them out. */
function makeReadable(directory) {
  chmodSync(directory, 0o755)
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644)
  }
}

function removeOld(key) {
  const before = Date.now() - KEPT_DAYS * 86_400_000
  const lines = commandLines()
  for (const name of readdirSync(programs)) {
    const place = join(programs, name)
    if (name === key || statSync(place).mtimeMs >= before || lines.some((line) => line.includes(name))) continue
    rmSync(place, { recursive: true, force: true })
  }
}

/** Returns the command lines of the processes that can be seen: a host that runs still loads parts of its own bundle. */
function commandLines() {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8')] : []
    } catch {
      return []
    }
  })
}

/** Makes what starts need before the first of them; returns the bundle's directory, undefined where there is none. */
export async function prepare() {
  const naming = ['-c', 'here=$1; . "$here/bin/sources-key"; printf %s "$key"', 'sh', root]
  const place = await build(spawnSync('/bin/sh', naming, { encoding: 'utf8' }).stdout)
  const warmed = join(place ?? cache, 'warmed')
  if (!existsSync(warmed)) {
    warm(place === undefined ? join(root, 'src', 'cli', 'warm.ts') : join(place, 'cli-warm.js'), true)
    if (existsSync(dirname(warmed))) writeFileSync(warmed, '')
  }
  return place
}

/** Has everything loaded once that a start loads, so that its compiled form is kept. */
function warm(file, waits) {
  const options = { env: { ...process.env, NODE_COMPILE_CACHE: cache }, stdio: 'ignore' }
  if (waits) spawnSync(process.execPath, [file], options)
  else spawn(process.execPath, [file], { ...options, detached: true }).unref()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const place = await build(process.argv[2])
  if (place === undefined) process.exitCode = 1
  // Beside a person's first command, for the second one. A script may take the directory away again.
  else if (process.stderr.isTTY) warm(join(place, 'cli-warm.js'), false)
}
