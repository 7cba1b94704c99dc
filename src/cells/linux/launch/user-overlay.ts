/**
 * An overlay that is mounted without root, in a user namespace of our own: one around bubblewrap, which sees the mount
 * and passes it on. The cell itself is in another one inside, without capabilities over this.
 */
export interface UserOverlay {
  /** Uppermost first; at most two. */
  readonly lowers: readonly string[]
  readonly upper?: string
  readonly work?: string
  readonly at: string
}

/** The words before bubblewrap. */
export function userOverlayCommand(outer: UserOverlay): readonly string[] {
  const layers = layersOf(outer)
  const at = (path: string): string => `/proc/self/fd/${FIRST_FD + layers.indexOf(path)}`
  const options = [
    `lowerdir=${outer.lowers.map(at).join(':')}`,
    ...(outer.upper && outer.work ? [`upperdir=${at(outer.upper)}`, `workdir=${at(outer.work)}`, 'volatile'] : ['ro']),
    'userxattr,redirect_dir=nofollow,nosuid,nodev',
  ]
  // By descriptor, because a path may hold what overlayfs takes for separators; opened inside, because a descriptor
  // from outside belongs to another mount namespace. Closed again: bubblewrap passes on what it inherits, and these
  // are directories of the host.
  const opening = layers.map((_, i) => `${FIRST_FD + i}<"$${i + 3}"`)
  const closing = layers.map((_, i) => `${FIRST_FD + i}<&-`)
  const steps = [
    `exec ${opening.join(' ')}`,
    'mount -t overlay firebreak -o "$1" "$2"',
    ...(outer.work === undefined ? [] : [removable(at(outer.work))]),
    `exec ${closing.join(' ')}`,
    `shift ${layers.length + 2}`,
    'exec "$@"',
  ]
  const script = steps.join(' && ')
  const namespaces = ['--user', '--map-root-user', '--mount', '--propagation', 'private']
  return ['/usr/bin/unshare', ...namespaces, '/bin/sh', '-c', script, 'sh', options.join(','), outer.at, ...layers]
}

/**
 * Gives the owner of a work directory the right to remove it: overlayfs makes `work`, and for a volatile mount
 * `work/incompat` and what is in it, with mode 0, which keeps `rm -rf` of whoever is not root out. The kernel does not
 * go by these modes, and no cell sees the directory.
 */
function removable(work: string): string {
  return `chmod u+rwx ${work}/work && for made in ${work}/work/incompat ${work}/work/incompat/volatile; do [ ! -e "$made" ] || chmod u+rwx "$made" || exit; done`
}

/** Above bubblewrap's own, and one digit, which is all that a POSIX shell takes. */
const FIRST_FD = 7

function layersOf({ lowers, upper, work }: UserOverlay): readonly string[] {
  return [...lowers, ...(upper === undefined ? [] : [upper]), ...(work === undefined ? [] : [work])]
}
