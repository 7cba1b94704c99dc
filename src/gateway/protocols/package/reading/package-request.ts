import { no, ok, type Result } from '../../../../model/index.ts'
import type { RequestTarget } from '../../../web/request-target.ts'
import { normalName, npmVersionIn, pypiFile } from './package-name.ts'
import { type Ecosystem, readRelease } from './release-version.ts'

/** The thing that a request asks a registry for. `target` is what leaves: one spelling for each. */
export type PackageRequest =
  /** A list of all versions of a package: a packument of npm, a page of PyPI's simple index. */
  | { readonly kind: 'list'; readonly name: string; readonly target: string }
  /** A file, or the metadata that PyPI shows of one (PEP 658). Its version is judged by the list it stands in. */
  | {
      readonly kind: 'file'
      readonly of: 'file' | 'metadata'
      readonly name: string
      readonly version: string
      readonly file: string
      readonly target: string
    }
  /** The description of one version, from which nothing is installed. */
  | { readonly kind: 'version'; readonly name: string; readonly version: string; readonly target: string }
  /** Names that versions of a package have, and the keys with which npm signs. */
  | { readonly kind: 'tags'; readonly name: string; readonly target: string }
  | { readonly kind: 'keys'; readonly target: string }

/**
 * Reads what a request asks of a registry. The error says why it asks for nothing that is served: whatever could change
 * something there, or carry text out (a search, an audit, a query), is none of these.
 */
export function readPackageRequest(
  ecosystem: Ecosystem,
  method: string,
  { segments, query }: Pick<RequestTarget, 'segments' | 'query'>,
): Result<PackageRequest, string> {
  if (method !== 'GET' && method !== 'HEAD')
    return no(`${method} is no way to ask for a package; nothing is published or audited from here`)
  if (query !== undefined) return no('a request for a package has no query')
  return ecosystem === 'npm' ? npmRequest(segments) : pypiRequest(segments)
}

function npmRequest(segments: readonly string[]): Result<PackageRequest, string> {
  const [first = '', ...others] = segments
  if (first === '-') return npmOwn(others)
  // `/@scope%2fname` and `/@scope/name` are one.
  const apart = first.startsWith('@') && !first.includes('/')
  const name = normalName('npm', apart ? `${first}/${others[0] ?? ''}` : first)
  const [next, last, ...more] = apart ? others.slice(1) : others
  if (name === undefined) return no('it names no package of npm')
  const path = `/${name.replace('/', '%2f')}`
  if (next === undefined) return ok({ kind: 'list', name, target: path })
  if (next === '-' && last !== undefined && more.length === 0) {
    const version = npmVersionIn(last, name)
    if (version === undefined) return no(`it names no file of ${name}`)
    return ok({
      kind: 'file',
      of: 'file',
      name,
      version,
      file: last,
      target: `/${name}/-/${last.replaceAll('+', '%2B')}`,
    })
  }
  const version = readRelease('npm', next)
  if (last !== undefined || version === undefined) return no(`it names neither a version nor a file of ${name}`)
  return ok({ kind: 'version', name, version, target: `${path}/${version}` })
}

/** Reads what stands behind `/-/`: services of the registry itself. */
function npmOwn(parts: readonly string[]): Result<PackageRequest, string> {
  if (parts.join('/') === 'npm/v1/keys') return ok({ kind: 'keys', target: '/-/npm/v1/keys' })
  if (parts[0] === 'package' && parts.at(-1) === 'dist-tags') {
    const name = normalName('npm', parts.slice(1, -1).join('/'))
    if (name === undefined) return no('it names no package of npm')
    return ok({ kind: 'tags', name, target: `/-/package/${name.replace('/', '%2f')}/dist-tags` })
  }
  return no('it asks a service of the registry that is no package')
}

function pypiRequest(segments: readonly string[]): Result<PackageRequest, string> {
  const [first, ...others] = segments
  const parts = others.at(-1) === '' ? others.slice(0, -1) : others
  if (first === 'simple') {
    if (parts.length === 0) return no('the list of all packages is not served; ask for one by its name')
    const name = normalName('pypi', parts[0] ?? '')
    if (name === undefined || parts.length > 1) return no('it names no package of PyPI')
    return ok({ kind: 'list', name, target: `/simple/${name}/` })
  }
  if (first === 'pypi' && parts.at(-1) === 'json' && parts.length === 3) {
    const name = normalName('pypi', parts[0] ?? '')
    const version = readRelease('pypi', parts[1] ?? '')
    if (name === undefined || version === undefined) return no('it names no version of a package of PyPI')
    return ok({ kind: 'version', name, version, target: `/pypi/${name}/${version}/json` })
  }
  if (first !== 'packages' || others.at(-1) === '' || parts.length < 2 || parts.length > 5)
    return no('it asks for nothing that is a package')
  const asked = parts.at(-1) ?? ''
  const of = asked.endsWith('.metadata') ? 'metadata' : 'file'
  const file = of === 'metadata' ? asked.slice(0, -'.metadata'.length) : asked
  const read = pypiFile(file)
  if (read === undefined || !parts.every((part) => /^[A-Za-z0-9._+!-]+$/.test(part)))
    return no('it names no file of a package of PyPI')
  const target = `/packages/${parts.map((part) => part.replaceAll('+', '%2B')).join('/')}`
  return ok({ kind: 'file', of, name: read.name, version: read.version, file, target })
}
