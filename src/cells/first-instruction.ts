/**
 * What runs in a cell before its command: a wait for pid 1 to have put on its own filter.
 *
 * bubblewrap forks, and each half loads the filter for itself: the command can be running while pid 1, which has the
 * same uid and can be written to through /proc/1/mem, still has none. Whoever took it over in that moment would keep a
 * process without a filter. (Seen: once in some tens of launches on a busy machine.) Shell builtins only: nothing is
 * started, and what follows is the same process.
 */
export function afterFilter(command: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', WAIT, 'sh', ...command]
}

/** In `status` of proc(5), 2 is a filter. */
const WAIT = `while :; do
while read -r key value; do [ "$key" = Seccomp: ] && break; done < /proc/1/status
[ "$value" = 2 ] && break
done
unset key value
exec "$@"`
