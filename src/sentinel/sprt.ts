/**
 * Wald's sequential probability ratio test (A. Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical
 * Statistics 16, 1945): whether a series of yes and no looks like one of which a share `honest` is yes, or `hostile`. Of
 * honest series a share of at most `falseAlarm` ends in an alarm. One that is found honest begins anew, so that long good
 * behaviour earns no more credit than that.
 */
export class Sprt {
  #sum = 0
  #seqs: number[] = []

  /** True where the series looks hostile; it begins anew then. */
  add(yes: boolean, seq: number, honest: number, hostile: number, falseAlarm: number): boolean {
    this.#sum += yes ? Math.log(hostile / honest) : Math.log((1 - hostile) / (1 - honest))
    if (yes) this.#seqs = [...this.#seqs.slice(1 - EVIDENCE_MAX), seq]
    if (this.#sum <= Math.log(MISSED)) this.reset()
    return this.#sum >= Math.log((1 - MISSED) / falseAlarm)
  }

  get seqs(): readonly number[] {
    return this.#seqs
  }

  reset(): void {
    this.#sum = 0
    this.#seqs = []
  }
}

/** The share of hostile series that end as honest; they are tested anew. */
const MISSED = 0.01

const EVIDENCE_MAX = 20
