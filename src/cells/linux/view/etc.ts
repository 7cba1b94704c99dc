import { closeSync, existsSync, lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { liesIn } from '../../../model/host/host-paths.ts'
import { attachMount, newMount } from '../../kernel/libc.ts'
import { OWN_ADDRESS } from '../../kernel/sockets.ts'
import { CELL_USER, type CellSpec } from '../../spec.ts'
import { copyShown } from './etc-of-host.ts'

/** Sources of a cell's names: the file of hosts alone, or behind it the one that answers at port 53 of every address. */
export type NameSource = 'files' | 'dns'

/** Returns where a cell with these doors finds names. */
export function namesFor({ anywhere = [] }: Pick<CellSpec, 'anywhere'>): NameSource {
  return anywhere.some(({ transport, port }) => transport === 'udp' && port === 53) ? 'dns' : 'files'
}

/**
 * The resolver's configuration of a cell that asks its gateway: at its own address, as every other would do. Asked for
 * addresses of IPv6 as well, each look-up would wait for two answers of which one is empty; a C library that does not know
 * the option asks all the same. resolv.conf(5)
 */
const RESOLVER = `nameserver ${OWN_ADDRESS.join('.')}\noptions attempts:2 timeout:2 no-aaaa\n`

/**
 * Writes the /etc that every cell without a root of its own sees, read-only. Nothing of ours in it names this host: no
 * users, no host name, no resolver of its, no machine id.
 */
export function writeEtc(directory: string, names: NameSource = 'files'): void {
  const { uid, gid, name, home } = CELL_USER
  const files: Record<string, string> = {
    passwd: `root:x:0:0:root:/:/usr/sbin/nologin\n${name}:x:${uid}:${gid}:${name}:${home}:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n`,
    group: `root:x:0:\n${name}:x:${gid}:\nnogroup:x:65534:\n`,
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
    hostname: 'cell\n',
    'nsswitch.conf': `passwd: files\ngroup: files\nhosts: files${names === 'dns' ? ' dns' : ''}\n`,
    // Without a server: the resolver of the C library would ask 127.0.0.1 otherwise, and wait.
    'resolv.conf': names === 'dns' ? RESOLVER : 'options attempts:1 timeout:1\n',
  }
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  copyShown('/etc', directory)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text, { mode: 0o644 })
}

/**
 * Makes `directory` one in memory where the kernel lets us: `writeEtc` makes hundreds of links, which cost a file system
 * on a disk a good part of a start. It goes with the mount that it lies in.
 */
export function inMemory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const options = [
    ['mode', '0755'],
    ['size', `${MEMORY_BYTES}`],
  ] as const
  const made = newMount('tmpfs', options, { nosuid: true, nodev: true })
  if (!made.ok) return
  try {
    attachMount(made.value, directory)
  } finally {
    closeSync(made.value)
  }
}

/** Twice what `copyShown` copies at the most. */
const MEMORY_BYTES = 64 * 1024 ** 2

/** Something that is shown at a place of a cell. */
interface Shown {
  readonly from: string
  readonly to: string
}

/**
 * Returns what gives a cell its /etc: those with the same kind of names, and something of their own shown at the same
 * places below /etc, share one, which has a place for each to be mounted on. A read-only /etc takes no new ones, and
 * writing one takes longer than all else of a launch.
 */
export function sharedEtc(
  run: string,
  make: (directory: string) => void,
): (names: NameSource, binds?: readonly Shown[]) => string {
  const written = new Map<string, string>()
  let count = 0
  return (names, binds = []) => {
    const places = binds
      .filter(({ to }) => to !== '/etc' && liesIn(to, '/etc'))
      .map(({ from, to }) => ({ place: to.slice('/etc/'.length), isDirectory: statSync(from).isDirectory() }))
    const key = JSON.stringify([names, places])
    const known = written.get(key)
    if (known !== undefined) return known
    // Another name for each try: one that broke off has left something.
    const which = places.length === 0 ? '' : `-${++count}`
    const directory = join(run, `${names === 'dns' ? 'etc-dns' : 'etc'}${which}`)
    make(directory)
    writeEtc(directory, names)
    for (const { place, isDirectory } of places) makePlace(join(directory, place), isDirectory)
    written.set(key, directory)
    return directory
  }
}

/** A directory, or an empty file; never a link, behind which something else would be covered. */
function makePlace(place: string, isDirectory: boolean): void {
  const found = lstatSync(place, { throwIfNoEntry: false })
  if (found !== undefined && found.isDirectory() === isDirectory && !found.isSymbolicLink()) return
  rmSync(place, { recursive: true, force: true })
  if (!existsSync(dirname(place))) mkdirSync(dirname(place), { recursive: true, mode: 0o755 })
  if (isDirectory) mkdirSync(place, { mode: 0o755 })
  else writeFileSync(place, '', { mode: 0o644 })
}
