import { grantedName, type JsonObject, type Noticed, type Operation, type UpstreamName } from '../../model/index.ts'
import { cutText } from '../../model/text/text.ts'
import { Watch, type WatchSetup } from '../../sentinel/index.ts'
import { openSecrets } from '../content/secrets.ts'

export interface Notice {
  /** Returns what the sentinel watches for in an attempt, as a member of its entry. */
  readonly in: (
    about: { readonly upstream: UpstreamName | undefined; readonly operation: Operation; readonly target: string },
    args: JsonObject,
  ) => { readonly noticed?: readonly Noticed[] }
  /** Returns that for a frame that nobody could read, and for what a cell says to the gateway's own tools. */
  readonly inText: (text: string) => { readonly noticed?: readonly Noticed[] }
}

export function openNotice(setup: Omit<WatchSetup, 'credentialIn'>): Notice {
  const { credentials } = setup.decoys
  const found = openSecrets(new Map(credentials.flatMap(formsOf)))
  // Its shape lets no shorter ones through.
  if (!found.ok) throw new Error(found.reason)
  const secrets = found.value
  const nameOf = (form: string | undefined) => form?.split(' ')[0]
  const watch = new Watch({ ...setup, credentialIn: (value) => nameOf(secrets.leakIn(value)) })
  return {
    in: ({ upstream, operation, target }, args) =>
      watch.in(upstream && `${upstream}/${grantedName(operation, recordableName(target))}`, args),
    inText: (text) => {
      const name = nameOf(secrets.leak(text))
      if (name === undefined) return {}
      return { noticed: [{ kind: 'decoy', name: `the credential ${name}`, credential: true }] }
    },
  }
}

/**
 * Returns the forms of a decoy that are looked for: of one that was cut in two anywhere, one of the parts holds a whole
 * half. A URL's first half may be anybody's.
 */
function formsOf([variable, value]: readonly [string, string]): readonly (readonly [string, string])[] {
  const whole = [[variable, value]] as const
  if (value.includes('://')) return whole
  const middle = Math.ceil(value.length / 2)
  return [...whole, [`${variable} 1`, value.slice(0, middle)], [`${variable} 2`, value.slice(value.length - middle)]]
}

function recordableName(target: string): string {
  return cutText(target, 200).replaceAll(/\p{Cc}/gu, '') || '-'
}
