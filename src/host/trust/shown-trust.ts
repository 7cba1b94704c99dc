/**
 * The issuer's certificate where each program of a cell looks for its roots, among the roots that it would have had there:
 * the far ends of tunnels show those.
 */
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { TextSpec } from '../../cells/spec.ts'
import { pem } from '../../gateway/trust/issuer.ts'
import { readableNamesIn } from '../../model/host/host-paths.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { lookUp, type Places, seenAt } from '../prepare/cell-view.ts'
import { CHROMIUM_PLACES, chromiumPolicy } from './chromium.ts'
import { javaStore } from './java-store.ts'
import { BUNDLE_PLACES, type Roots, rootsIn } from './roots.ts'
import { trustVariables } from './variables.ts'

/** The files and variables by which a cell believes its gate. */
export interface ShownTrust {
  readonly texts: readonly TextSpec[]
  readonly variables: Readonly<Record<string, string>>
}

/** Place of the issuer's certificate alone in a cell, and of the whole bundle, where it has the host's /usr. */
const OWN_PLACES = { issuer: '/firebreak/issuer.pem', bundle: '/firebreak/roots.pem' } as const

/**
 * Returns what a cell is shown of its issuer (DER). A root file system of its own takes no new places: there, only files
 * that it has are covered; an error in words where it has no bundle.
 */
export function shownTrust(certificate: Buffer, cell: Places, nowMs: number): Result<ShownTrust, string> {
  const bundles = placesIn(cell, BUNDLE_PLACES)
  const roots = rootsIn(bundles.map(({ host }) => host))
  const text = bundleText(certificate, roots)
  const own = cell.root === undefined ? OWN_PLACES : undefined
  const whole = own?.bundle ?? bundles[0]?.place
  if (whole === undefined)
    return no(`${cell.root} has no bundle of roots, as ${BUNDLE_PLACES[0]}: TLS of its programs cannot end at the gate`)
  const [usual = ''] = BUNDLE_PLACES
  const store = javaStore(javaEntries(certificate, roots), nowMs)
  const policy = chromiumPolicy(certificate)
  const browsers = placesIn(cell, CHROMIUM_PLACES).map(({ place }) => place)
  const shown = new Map<string, TextSpec['text']>([
    ...[...newPlaces(cell, [usual]), ...bundles.map(({ place }) => place)].map((place) => [place, text] as const),
    ...placesIn(cell, [...JAVA_PLACES, ...javaInUsr(cell)]).map(({ place }) => [place, store] as const),
    ...[...newPlaces(cell, CHROMIUM_PLACES), ...browsers].map((place) => [place, policy] as const),
  ])
  if (own !== undefined) shown.set(own.bundle, text).set(own.issuer, pem(certificate))
  return ok({
    texts: [...shown].map(([to, each]) => ({ text: each, to })),
    variables: trustVariables(own?.issuer ?? whole, whole),
  })
}

/** Returns why programs of a cell believe nobody but its gate; undefined where they believe roots of this host, too. */
export function withoutRoots(cell: Places): string | undefined {
  const roots = rootsIn(placesIn(cell, BUNDLE_PLACES).map(({ host }) => host))
  return roots === undefined ? `its cell sees no roots in ${BUNDLE_PLACES.join(', ')}` : undefined
}

function bundleText(certificate: Buffer, roots: Roots | undefined): string {
  return [certificate, ...(roots?.certificates ?? [])].map(pem).join('')
}

function javaEntries(certificate: Buffer, roots: Roots | undefined) {
  const entries = (roots?.certificates ?? []).map((each, i) => ({ alias: `root-${i + 1}`, certificate: each }))
  return [{ alias: 'firebreak', certificate }, ...entries]
}

/** A file that the cell would see, and the file of the host that it is. */
interface FoundFile {
  /** Without links. */
  readonly place: string
  readonly host: string
}

/** Returns those of the places at which the cell would see a file, each once. */
function placesIn(cell: Places, places: readonly string[]): readonly FoundFile[] {
  const found = new Map<string, FoundFile>()
  for (const place of places) {
    // Its /etc, where nothing of it was given, is made of the host's.
    const file = isOfHost(cell, place) ? { place, host: place, isFile: existsSync(place) } : fileAt(cell, place)
    if (file?.isFile === true) found.set(file.place, file)
  }
  return [...found.values()]
}

/** Returns those of the places that can be made in the cell's own /etc. */
function newPlaces(cell: Places, places: readonly string[]): readonly string[] {
  return places.filter((place) => isOfHost(cell, place))
}

function isOfHost(cell: Places, place: string): boolean {
  return seenAt(cell, place) === undefined
}

function fileAt(cell: Places, path: string): (FoundFile & { readonly isFile: boolean }) | undefined {
  const found = lookUp(cell, path)
  if (found.kind !== 'found') return undefined
  return { place: found.place, host: found.host, isFile: found.stats.isFile() }
}

const JAVA_PLACES: readonly string[] = [
  '/etc/ssl/certs/java/cacerts',
  '/etc/pki/java/cacerts',
  '/etc/pki/ca-trust/extracted/java/cacerts',
  '/etc/ca-certificates/extracted/java-cacerts.jks',
]

/** Directory in which distributions and vendors' packages keep Javas, some with a store of their own. */
const JVMS = '/usr/lib/jvm'

/** Returns the stores of the host's Javas that lie under /usr: those of a distribution are links into /etc. */
function javaInUsr(cell: Places): readonly string[] {
  if (cell.root !== undefined) return []
  return readableNamesIn(JVMS).flatMap((name) => {
    const store = join(JVMS, name, 'lib/security/cacerts')
    const real = existsSync(store) ? realpathSync(store) : ''
    return real.startsWith('/usr/') ? [real] : []
  })
}
