// Plain JavaScript for any Node from 20: this runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The Node that Firebreak runs on, brought by npm. */
export function pinnedNode() {
  return join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
}

/**
 * Installs what is missing and says so on standard error; exits 2 with what to do where it cannot. Returns the directory
 * of the bundle that starts read, empty where there is none.
 */
export function setUp() {
  if (process.platform !== 'linux') fail('Firebreak needs Linux; on macOS and Windows run it in a Linux VM')
  if (process.arch !== 'x64' && process.arch !== 'arm64') fail(`Firebreak needs x64 or arm64, not ${process.arch}`)
  if (!packagesCurrent())
    install('npm packages, by lockfile', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', ...QUIET])
  if (!packagesCurrent())
    fail('npm ci ended, but node_modules does not match package-lock.json: remove node_modules and run it again')
  if (!onPath('bwrap')) installBubblewrap()
  return prepareStarts()
}

/** Packages ask for a newer Node than the one that npm runs on here; they run on the pinned one. */
const QUIET = ['--loglevel=error']

/** Where compiled code is kept, for services too, which may read it and not write it. Gone with node_modules. */
export const cache = join(root, 'node_modules', '.cache', 'firebreak')

/** Bundles the present sources, and compiles what a start will load. A failure only means slower starts. */
function prepareStarts() {
  const making = 'import(process.argv[1]).then(({ prepare }) => prepare()).then((place) => console.log(place ?? ""))'
  const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
  return spawnSync(pinnedNode(), ['-e', making, join(root, 'bin', 'build.js')], options).stdout?.trim() ?? ''
}

/** npm writes what it installed beside the packages; it must name the same versions as the lockfile. */
function packagesCurrent() {
  const installed = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(pinnedNode()) || !existsSync(installed)) return false
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages
  return Object.entries(want).every(([path, entry]) => {
    if (path === '' || (entry.optional && !have[path])) return true
    return have[path]?.version === entry.version
  })
}

function installBubblewrap() {
  if (process.getuid() !== 0 || !onPath('apt-get')) {
    fail('bubblewrap is missing. Install it with: sudo apt-get install bubblewrap')
  }
  if (!aptInstall()) {
    install('the list of Debian packages', 'apt-get', ['update', '-qq'])
    if (!aptInstall()) fail('apt-get could not install bubblewrap. Try: apt-get install bubblewrap')
  }
}

function aptInstall() {
  say('installing bubblewrap with apt-get')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return (
    spawnSync('apt-get', ['install', '-y', '-qq', 'bubblewrap'], { env, stdio: ['ignore', 'ignore', 'ignore'] })
      .status === 0
  )
}

function install(what, command, args) {
  say(`installing ${what}`)
  // Cells and services run as uids of their own, and read the packages: a umask of 027 would shut them out.
  process.umask(0o022)
  // Standard output belongs to the command that the person asked for.
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) fail(`${command} ${args.join(' ')} failed in ${root}`)
}

function onPath(command) {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, command)))
}

function say(message) {
  process.stderr.write(`firebreak: ${message}\n`)
}

function fail(message) {
  say(message)
  process.exit(2)
}
