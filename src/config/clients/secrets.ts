import { LIMITS, no, ok, placeholdersIn, type Result } from '../../model/index.ts'
import { credentialsIn } from './credentials.ts'
import { fitName } from './names.ts'
import { composed, partsOf, type TextPart } from './parts.ts'
import type { Referred } from './references.ts'

/** A secret that a first configuration declares; its value stands nowhere in it. */
export type PlannedSecret = { readonly name: string } & (
  | ({ readonly kind: 'variable' } & Referred)
  /** A secret that stood in clear in the client's file: it goes into a file that only its owner can read. */
  | { readonly kind: 'literal'; readonly value: string }
)

/** The secrets of one configuration while it is made: one of each value and of each variable, each with a name of its own. */
export class SecretPlan {
  readonly #all: PlannedSecret[] = []

  get all(): readonly PlannedSecret[] {
    return this.#all
  }

  /** Returns the name of the secret that is read from this variable. */
  ofVariable(referred: Referred): string {
    const known = this.#all.find((each) => each.kind === 'variable' && each.variable === referred.variable)
    return (known ?? this.#added({ kind: 'variable', ...referred, name: this.#nameFor(referred.variable) })).name
  }

  /**
   * Replaces what in `text`, which is `composed`, is a credential by `${secret:name}`, and leaves what stands around it. A
   * credential that is too short to be told from other text takes what is around it with it.
   */
  hidden(text: string, key: string, server: string): Result<string, string> {
    const references = placeholdersIn(text)
    const spans = credentialsIn(text, key).filter(
      ({ from, to }) =>
        !text.slice(from, to).includes('${') && !references.some((each) => from < each.to && each.from < to),
    )
    if (spans.length === 0) return ok(text)
    const short = spans.some(({ from, to }) => to - from < LIMITS.secretCharactersMin)
    if (short && (text.length < LIMITS.secretCharactersMin || references.length > 0)) {
      const least = `${LIMITS.secretCharactersMin} characters`
      return no(
        `${key === '' ? 'a credential' : key} has under ${least}: it cannot be told from other text; use a longer one`,
      )
    }
    const whole = [{ from: 0, to: text.length, called: key || (spans[0]?.called ?? 'token') }]
    const parts: TextPart[] = []
    let at = 0
    for (const { from, to, called } of short ? whole : spans) {
      const secret = this.#ofValue(text.slice(from, to), `${server}-${called}`)
      parts.push(...partsOf(text.slice(at, from)), { secret })
      at = to
    }
    return composed([...parts, ...partsOf(text.slice(at))])
  }

  #ofValue(value: string, called: string): string {
    const known = this.#all.find((each) => each.kind === 'literal' && each.value === value)
    return (known ?? this.#added({ kind: 'literal', value, name: this.#nameFor(called) })).name
  }

  #added(secret: PlannedSecret): PlannedSecret {
    this.#all.push(secret)
    return secret
  }

  #nameFor(called: string): string {
    return fitName(called, new Set(this.#all.map(({ name }) => name)), 'secret')
  }
}
