import {
  type DeclaredTool,
  type Decoys,
  type EnvironmentName,
  type JsonObject,
  type Noticed,
  normalForm,
  type PlaceOf,
  type UpstreamName,
} from '../model/index.ts'
import { textsOf } from './call.ts'
import { destroys, NOTED, saysAll } from './destroys.ts'
import { ADDRESSES_OF_ATTEMPT_MAX, parsedPlaces } from './parsed-places.ts'

export interface WatchSetup {
  readonly environment: EnvironmentName
  readonly decoys: Decoys
  /** Environment of each upstream of the configuration. */
  readonly environments: ReadonlyMap<UpstreamName, EnvironmentName>
  /** Hosts of upstreams and egress, of all environments. */
  readonly places: readonly PlaceOf[]
  /** Absolute paths of Firebreak's own: its state, configuration, policies. */
  readonly ownPaths: readonly string[]
  readonly tools: ReadonlyMap<string, DeclaredTool>
  /** The name of a decoy credential that a value holds, in any form that is looked for. */
  readonly credentialIn: (value: JsonObject) => string | undefined
}

/**
 * A search through the whole arguments of an attempt for things that no cell has a reason to name; the entry shows only
 * a part of the arguments.
 *
 * - WA1  A decoy's credential is found anywhere; all else only where it is not mere content: a note may tell of a path.
 * - WA2  It is found in any case and width, percent-encoded, with doubled slashes and with invisible characters between;
 *        and where an address leads there as every client reads it (`parsedPlaces`).
 */
export class Watch {
  readonly #setup: WatchSetup
  readonly #decoyTools: ReadonlySet<string>
  readonly #foreign: ReadonlyMap<string, EnvironmentName>
  /** One expression for everything, so that text without any of it costs one pass. */
  readonly #any: RegExp
  readonly #needles: readonly Needle[]

  constructor(setup: WatchSetup) {
    const { decoys, environments, environment, places, ownPaths } = setup
    this.#setup = setup
    this.#decoyTools = new Set(decoys.tools.map(({ upstream, tool }) => `${upstream}/${tool}`))
    this.#foreign = new Map([...environments].filter(([, home]) => home !== environment))
    const own = new Set(places.filter(([, home]) => home === environment).map(([place]) => hostOf(place)))
    this.#needles = [
      ...decoys.hosts.map((text) => ({ kind: 'decoy', name: `the host ${text}`, text: plain(text) }) as const),
      ...decoys.files.map((text) => ({ kind: 'decoy', name: `the file ${text}`, text: plain(text) }) as const),
      ...ownPaths.map((text) => ({ kind: 'own-authority', name: text, text: plain(text) }) as const),
      ...OWN_NAMES.map((text) => ({ kind: 'own-authority', name: text, text, isWord: true }) as const),
      ...places
        // A host that both have is told apart by its ports alone.
        .filter(([place, home]) => home !== environment && (place !== hostOf(place) || !own.has(place)))
        .map(([place, home]) => {
          return { kind: 'environment', name: `${place} of ${home}`, text: plain(place) } as const
        }),
      ...[...this.#foreign].map(([name, home]) => {
        return { kind: 'environment', name: `${name} of ${home}`, text: `${name}__` } as const
      }),
    ]
    const all = [...new Set(this.#needles.map(({ text }) => text))].map((text) => text.replaceAll(/[^\w ]/g, '\\$&'))
    this.#any = new RegExp(`(?<![a-z0-9-])(?:${all.join('|')})`)
  }

  /** Returns the member `noticed` of an entry; an empty object where nothing was noticed. */
  in(name: string | undefined, args: JsonObject): { readonly noticed?: readonly Noticed[] } {
    const noticed: Noticed[] = []
    const tool = name === undefined ? undefined : this.#toolNoticed(name)
    if (tool !== undefined) noticed.push(tool)
    const credential = this.#setup.credentialIn(args)
    if (credential !== undefined)
      noticed.push({ kind: 'decoy', name: `the credential ${credential}`, credential: true })
    const declared = name === undefined ? undefined : this.#setup.tools.get(name)
    const content = declared?.content ?? []
    const texts = textsOf(args, content, true)
    if (declared?.effect !== 'read') noticed.push(...destructionIn(args, texts))
    let carries: boolean | undefined
    const budget = { left: ADDRESSES_OF_ATTEMPT_MAX }
    for (const text of texts) {
      for (const { kind, name: found } of this.#named(text, declared?.effect === 'read', budget)) {
        carries ??= credential !== undefined || carriesCredential(args)
        if (noticed.length < NOTICED_MAX && !noticed.some((each) => each.name === found))
          noticed.push({ kind, name: found, ...(carries && { credential: true }) })
      }
    }
    return noticed.length === 0 ? NOTHING : { noticed }
  }

  #toolNoticed(name: string): Noticed | undefined {
    if (this.#decoyTools.has(name)) return { kind: 'decoy', name: `the tool ${name}` }
    if (POWERS.test(name)) return { kind: 'own-authority', name }
    const home = this.#foreign.get(name.slice(0, Math.max(0, name.indexOf('/'))))
    return home === undefined ? undefined : { kind: 'environment', name: `${name} of ${home}` }
  }

  /** A question in words that is only read may speak of Firebreak's files; a path or a command may not. */
  #named(text: string, isRead: boolean, budget: { left: number }): readonly Needle[] {
    const view = viewOf(text, budget)
    if (!this.#any.test(view)) return []
    const isProse = isRead && text.trim().includes(' ')
    return this.#needles.filter((needle) => !(needle.isWord && isProse) && isNamed(view, needle))
  }
}

/** Returns what destroys in the arguments, or nothing where the entry shows all of them: its detector sees it there. */
function destructionIn(args: JsonObject, texts: readonly string[]): readonly Noticed[] {
  if (texts.length <= SHOWN_TEXTS && texts.reduce((sum, { length }) => sum + length, 0) <= SHOWN_CHARACTERS) return []
  const names = [...(texts.some(destroys) ? [NOTED.statement] : []), ...(saysAll(args) ? [NOTED.all] : [])]
  return names.map((name) => ({ kind: 'destruction', name }))
}

/** An entry shows more than this of the texts and names of any attempt. */
const SHOWN_TEXTS = 64
const SHOWN_CHARACTERS = 256

interface Needle extends Noticed {
  readonly text: string
  readonly isWord?: true
}

function hostOf(place: string): string {
  return place.replace(/:\d+$/, '')
}

const NOTHING = {}
const NOTICED_MAX = 8

/** Names of Firebreak's own files and commands, wherever they lie. */
const OWN_NAMES = [
  'firebreak.yaml',
  'firebreak.yml',
  'firebreak.accepted.json',
  '.firebreak/',
  'gateway/main.ts',
  'seal/witness-main.ts',
  'firebreak release',
  'firebreak grant',
  'firebreak approve',
  'firebreak contain',
]

/** Powers that no cell has, asked for under the gateway's own name. */
const POWERS =
  /^firebreak\/(?:tool:)?(?:grant|approve|allow|release|contain|kill|policy|policies|rung|undo|sudo|admin)/i

/**
 * Tells whether a text names this thing, with a name's end on both sides: `notpayments.internal` and
 * `payments.internal.example` are other hosts than `payments.internal`.
 */
function isNamed(view: string, { text, kind }: Needle): boolean {
  for (let at = view.indexOf(text); at !== -1; at = view.indexOf(text, at + 1)) {
    const before = view[at - 1] ?? ''
    const after = view.slice(at + text.length, at + text.length + 2)
    const isPart = /[a-z0-9-]/.test(before) || (/[a-z0-9]$/.test(text) && /^[a-z0-9-]/.test(after))
    const isOtherHost = kind === 'environment' && (before === '.' || /^\.[a-z0-9]/.test(after))
    if (!isPart && !isOtherHost) return true
  }
  return false
}

function viewOf(text: string, budget: { left: number }): string {
  const places = parsedPlaces(text, budget)
  return places === '' ? plain(text) : `${plain(text)} ${plain(places)}`
}

/**
 * Returns a text as its receiver will read it: NFKC, lower case, without encodings, invisible characters and doubled
 * slashes.
 */
function plain(text: string): string {
  const lower = text.toLowerCase()
  if (/^[a-z0-9 ,.:;@_+=()!?"'-]*$/.test(lower)) return lower
  return normalForm(decoded(lower), 'NFKC')
    .toLowerCase()
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replaceAll('\\', '/')
    .replaceAll(/(?<!:)\/(?:\.?\/)+/g, '/')
    .replaceAll(/\/(?!\.\.\/)[^/\s]+\/\.\.(?=\/)/g, '')
}

/** Decodes a text twice: a text that was encoded twice is decoded by a program that fetches for another. */
function decoded(text: string): string {
  let inner = text
  for (let i = 0; i < 2 && inner.includes('%'); i++) {
    inner = inner.replaceAll(/(?:%[0-9a-f]{2})+/g, (bytes) => {
      try {
        return decodeURIComponent(bytes)
      } catch {
        return bytes
      }
    })
  }
  return inner
}

const CREDENTIAL_KEY =
  /^(?:x-)?(?:authorization|api[-_]?key|token|access[-_]?token|secret|password|passwd|bearer|cookie)$/i
const CREDENTIAL_TEXT =
  /\b(?:bearer|basic)\s+[\w.~+/-]{8,}|\b(?:sk|pk|ghp|gho|xox[abp]|akia|eyj)[-_a-z0-9]{12,}|:\/\/[^/\s:@]+:[^/\s@]+@/i

/** Tells whether arguments carry something that looks like a credential, by the name of a member or by its form. */
function carriesCredential(args: JsonObject): boolean {
  const keys = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).some(([key, item]) => CREDENTIAL_KEY.test(key) || keys(item))
  return keys(args) || textsOf(args, []).some((text) => CREDENTIAL_TEXT.test(text))
}
