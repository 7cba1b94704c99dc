/** A registry's rules: npm's names and semantic versions, or PyPI's names (PEP 503) and versions (PEP 440). */
export type Ecosystem = 'npm' | 'pypi'

/** Characters of a version: npm stops at 256. */
const VERSION_CHARACTERS_MAX = 256

/** Semantic versions, and older ones of npm whose prerelease stands there without its hyphen: `3.0.0rc4`. */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:(?:-(?=[0-9A-Za-z-])|(?=[A-Za-z]))([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/

const PEP440 = new RegExp(
  [
    /^v?(?:(?<epoch>\d+)!)?(?<release>\d+(?:\.\d+)*)/,
    /(?:[-_.]?(?<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?<preNumber>\d+)?)?/,
    /(?:-(?<postOnly>\d+)|[-_.]?(?<post>post|rev|r)[-_.]?(?<postNumber>\d+)?)?/,
    /(?:[-_.]?(?<dev>dev)[-_.]?(?<devNumber>\d+)?)?(?:\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/,
  ]
    .map((part) => part.source)
    .join(''),
  'i',
)

const PRE: Readonly<Record<string, string>> = { alpha: 'a', beta: 'b', c: 'rc', pre: 'rc', preview: 'rc' }

/**
 * Returns a version in the one form in which it is compared: two that a registry takes for the same are the same text.
 * Undefined of a text that is no version.
 */
export function readRelease(ecosystem: Ecosystem, text: string): string | undefined {
  if (text.length > VERSION_CHARACTERS_MAX) return undefined
  if (ecosystem === 'npm') return SEMVER.test(text) ? text : undefined
  const groups = PEP440.exec(text)?.groups
  if (groups === undefined) return undefined
  const { epoch = '0', release = '', pre, preNumber, postOnly, post, postNumber, dev, devNumber, local } = groups
  const number = (digits: string | undefined) => (digits ?? '0').replace(/^0+(?=\d)/, '')
  const parts = release.split('.').map(number)
  while (parts.length > 1 && parts.at(-1) === '0') parts.pop()
  const kind = pre?.toLowerCase()
  return [
    number(epoch) === '0' ? '' : `${number(epoch)}!`,
    parts.join('.'),
    kind === undefined ? '' : `${PRE[kind] ?? kind}${number(preNumber)}`,
    postOnly === undefined && post === undefined ? '' : `.post${number(postOnly ?? postNumber)}`,
    dev === undefined ? '' : `.dev${number(devNumber)}`,
    local === undefined ? '' : `+${local.toLowerCase().replaceAll(/[-_]/g, '.')}`,
  ].join('')
}

/** Tells whether a version of npm is one that ranges leave out: a prerelease. */
export function isPrerelease(version: string): boolean {
  return SEMVER.exec(version)?.[4] !== undefined
}

/** Compares two versions of npm (Semantic Versioning 2.0.0, 11): below zero where the first is older. */
export function compareReleases(a: string, b: string): number {
  const [one, other] = [SEMVER.exec(a), SEMVER.exec(b)]
  if (one === null || other === null) return a < b ? -1 : a > b ? 1 : 0
  for (const part of [1, 2, 3]) {
    const order = compareNumbers(one[part] ?? '', other[part] ?? '')
    if (order !== 0) return order
  }
  const [pre, otherPre] = [one[4], other[4]]
  if (pre === undefined || otherPre === undefined) return pre === otherPre ? 0 : pre === undefined ? 1 : -1
  const [parts, others] = [pre.split('.'), otherPre.split('.')]
  for (const [i, part] of parts.entries()) {
    const against = others[i]
    if (against === undefined) return 1
    const [isNumber, isOther] = [/^\d+$/.test(part), /^\d+$/.test(against)]
    if (isNumber !== isOther) return isNumber ? -1 : 1
    const order = isNumber ? compareNumbers(part, against) : part < against ? -1 : part > against ? 1 : 0
    if (order !== 0) return order
  }
  return parts.length - others.length
}

/** Compares digits by their value, however many there are. */
function compareNumbers(a: string, b: string): number {
  const [one, other] = [a.replace(/^0+(?=\d)/, ''), b.replace(/^0+(?=\d)/, '')]
  if (one.length !== other.length) return one.length - other.length
  return one < other ? -1 : one > other ? 1 : 0
}
