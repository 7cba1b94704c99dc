import { PACKAGE_REGISTRY_NAMES } from '../model/index.ts'
import { atMost, list, listOr, map, oneOf, optional, required, text } from './shape.ts'
import { duration } from './units.ts'

/** The shape of `packages:` under an upstream. */

const named = (what: string, form: RegExp) => text(what, (t) => (t.length <= 320 && form.test(t) ? t : undefined))

const scoped = named('a package, or a scope of npm as @scope/*', /^(?:@[\w.~-]+\/)?(?:[\w.~-]+|\*)$/)
const exact = named('a package', /^(?:@[\w.~-]+\/)?[\w.~-]+$/)
const versioned = named(
  'a package, or one version of it: name@1.2.3',
  /^(?:@[\w.~-]+\/)?(?:[\w.~-]+|\*)(?:@[\w.!+-]+)?$/,
)
const reason = text('why, in at most 200 characters', (t) => (t.length <= 200 && !/\p{Cc}/u.test(t) ? t : undefined))

const reasons = (what: string) =>
  listOr(
    list(what, versioned),
    map(`${what}, and why`, versioned, reason),
    (all) => new Map(all.map((name) => [name, ''])),
  )

const names = (what: string) => atMost(10_000, list(what, exact))

export const packageFields = {
  registry: required(oneOf('whose packages', PACKAGE_REGISTRY_NAMES), 'package managers find it at its own name'),
  age: optional(
    text('a duration like 7d', (t) => (t === '0' ? 0 : duration(t))),
    'how long a version must have been public; absent: 7d',
  ),
  young: optional(
    reasons('packages that may be younger'),
    'by name, or one version: a named security fix, with the reason beside it',
  ),
  only: optional(atMost(10_000, list('packages that may be had', scoped)), 'nothing else is had; absent: every name'),
  deny: optional(reasons('packages that may not be had'), 'by name, scope or version, with the reason beside it'),
  pins: optional(
    map(
      'versions of packages, as name@1.2.3',
      named('name@1.2.3', /^(?:@[\w.~-]+\/)?[\w.~-]+@[\w.!+-]+$/),
      list('digests', named('a digest: sha512-… or sha256=…', /^sha(?:256|384|512)[-=:][A-Za-z0-9+/=]+$/)),
    ),
    'digests that the file of a version must have',
  ),
  scripts: optional(names('packages whose install scripts may run'), 'absent: versions that have some are refused'),
  resembling: optional(
    names('packages that may look like popular ones'),
    'a name that is one letter away from a popular one is refused until it stands here',
  ),
}
