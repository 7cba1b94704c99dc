import { no, ok, type Result } from '../../../../model/index.ts'
import { normalName } from '../reading/package-name.ts'
import { type Ecosystem, readRelease } from '../reading/release-version.ts'
import type { PackageException } from './package-policy.ts'

/** Lines of an owner's deny list: public lists of malicious packages have tens of thousands. */
export const DENY_LINES_MAX = 250_000

/**
 * Reads an owner's list of denied packages: `npm:event-stream@3.3.6  stole wallets`, or `pypi:colourama`, one a line; `#`
 * begins a line that is a note. Returns those of one registry. The error names the line: a list that is not understood denies
 * nobody, so nothing starts with it.
 */
export function readDenyList(text: string, ecosystem: Ecosystem): Result<readonly PackageException[], string> {
  const lines = text.split(/\r?\n/, DENY_LINES_MAX + 1)
  if (lines.length > DENY_LINES_MAX) return no(`it has more than ${DENY_LINES_MAX} lines`)
  const denied: PackageException[] = []
  for (const [i, line] of lines.entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const [, registry, what = '', why = ''] = /^(npm|pypi):(\S+)(?:\s+(.*))?$/.exec(trimmed) ?? []
    if (registry !== 'npm' && registry !== 'pypi') return no(`line ${i + 1}: it begins with npm: or pypi:`)
    const at = what.indexOf('@', 1)
    const name = at < 0 ? what : what.slice(0, at)
    const version = at < 0 ? undefined : what.slice(at + 1)
    const scope = registry === 'npm' && /^@[^/]+\/\*$/.test(name) && version === undefined
    if (normalName(registry, scope ? `${name.slice(0, -1)}a` : name) === undefined)
      return no(`line ${i + 1}: ${JSON.stringify(name.slice(0, 100))} is no name of a package`)
    if (version !== undefined && readRelease(registry, version) === undefined)
      return no(`line ${i + 1}: ${JSON.stringify(version.slice(0, 100))} is no version`)
    const said = why.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, WHY_CHARACTERS_MAX)
    if (registry === ecosystem) denied.push({ name, ...(version !== undefined && { version }), why: said })
  }
  return ok(denied)
}

/** Characters of a reason, which stands in the line of a status. */
const WHY_CHARACTERS_MAX = 200
