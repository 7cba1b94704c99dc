import { NAME_PATTERN } from '../../model/index.ts'

/**
 * Turns what a client calls a server into an upstream's name that none of `taken` has: `@21st-dev/magic` becomes
 * `21st-dev-magic`, which begins with a digit and so becomes `s-21st-dev-magic`; a second `my_db` becomes `my-db-2`.
 */
export function fitName(written: string, taken: ReadonlySet<string>, otherwise = 'server'): string {
  const plain = written
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  const named = plain === '' ? otherwise : /^[a-z]/.test(plain) ? plain : `s-${plain}`
  const base = named === 'firebreak' ? 'firebreak-server' : named
  for (let count = 1; ; count++) {
    const suffix = count === 1 ? '' : `-${count}`
    const name = `${base.slice(0, NAME_CHARACTERS_MAX - suffix.length).replace(/-+$/, '')}${suffix}`
    if (NAME_PATTERN.test(name) && !taken.has(name)) return name
  }
}

/** Length that `NAME_PATTERN` allows. */
const NAME_CHARACTERS_MAX = 48
