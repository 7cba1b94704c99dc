/**
 * Without root an overlay can be mounted only in a user namespace of our own: one around bubblewrap, which sees the
 * mount and passes it on. The cell itself is in another one inside, without capabilities over this.
 */
export interface OuterMount {
  /** Uppermost first; at most two. */
  readonly lowers: readonly string[]
  readonly upper?: string
  readonly work?: string
  readonly at: string
}

/** The words before bubblewrap. */
export function outerCommand(outer: OuterMount): readonly string[] {
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
  const script = `exec ${opening.join(' ')} && mount -t overlay firebreak -o "$1" "$2" && exec ${closing.join(' ')} && shift ${layers.length + 2} && exec "$@"`
  const namespaces = ['--user', '--map-root-user', '--mount', '--propagation', 'private']
  return ['/usr/bin/unshare', ...namespaces, '/bin/sh', '-c', script, 'sh', options.join(','), outer.at, ...layers]
}

/** Above bubblewrap's own, and one digit, which is all that a POSIX shell takes. */
const FIRST_FD = 7

function layersOf({ lowers, upper, work }: OuterMount): readonly string[] {
  return [...lowers, ...(upper === undefined ? [] : [upper]), ...(work === undefined ? [] : [work])]
}
