import assert from 'node:assert/strict'
import { cpuMs } from './cpu.ts'

/** Repeats: a tenth of a second of linear work at most, many seconds of work that grows with the square. */
const FEW = 4_000
const TIMES = 4
/** Linear work takes `TIMES` as long, work that grows with the square `TIMES` times `TIMES`. */
const RATIO_MAX = 10
const TRIES = 4
/** Shorter work than this says nothing of how it grows, and delays nobody. */
const SHORT_MS = 40

/**
 * Fails where the work on a text that `of` makes from a number of repeats grows faster than the text does. It is measured
 * anew where it seems to: a machine that others use may be slow at any time, but not each time.
 */
export function assertLinear(what: string, of: (repeats: number) => string, work: (text: string) => unknown): void {
  const [few, many] = [of(FEW), of(FEW * TIMES)]
  let told = ''
  for (let i = 0; i < TRIES; i++) {
    const longMs = msOf(work, many)
    if (longMs < SHORT_MS) return
    const shortMs = msOf(work, few)
    if (longMs < shortMs * RATIO_MAX) return
    told = `${what}: ${shortMs.toFixed(1)} ms, and ${longMs.toFixed(1)} ms for ${TIMES} times the text`
  }
  assert.fail(told)
}

function msOf(work: (text: string) => unknown, text: string): number {
  const begunMs = cpuMs()
  work(text)
  return cpuMs() - begunMs
}

/** Texts on which expressions that try each place anew take the square of their length. */
export const ADVERSARIAL: Readonly<Record<string, (repeats: number) => string>> = {
  'a dot and letters': (n) => `.${'a'.repeat(n)}`,
  'letters and a dot at their end': (n) => `${'a'.repeat(n)}.`,
  'labels of one letter': (n) => 'a.'.repeat(n),
  'labels and a path that is none': (n) => `${'a.'.repeat(n)}a9/`,
  'dashes and a dot': (n) => `${'-'.repeat(n)}.`,
  'at signs': (n) => 'a@'.repeat(n),
  'at signs and labels': (n) => 'a@a.'.repeat(n),
  'an address that ends with dots, and more': (n) => `https://a${'.'.repeat(n)}a`,
  'dots that end nothing': (n) => `${'.'.repeat(n)}a`,
  schemes: (n) => 'a://'.repeat(n),
  'colons and slashes': (n) => '://'.repeat(n),
  'a name with colons': (n) => `a.aa:${'1'.repeat(n)}`,
  'punycode and letters': (n) => `xn--a ${'a'.repeat(n)}`,
  'punycode in a row': (n) => 'xn--'.repeat(n),
  'one label of punycode': (n) => `xn--${'a9'.repeat(n)}`,
  'marks in the wrong order': (n) => `a${'\u0301\u0323'.repeat(n)}`,
  'marks that become marks': (n) => `a${'\uff9e\u0301'.repeat(n)}`,
  percents: (n) => `${'%'.repeat(n)}\n`,
  'percents of a percent': (n) => '%25'.repeat(n),
  ampersands: (n) => '&a'.repeat(n),
  backslashes: (n) => '\\'.repeat(n),
  spaces: (n) => `a${' '.repeat(n)}a`,
  digits: (n) => `${'0'.repeat(n)}a`,
  'equals signs': (n) => `${'='.repeat(n)}a`,
  slashes: (n) => '/./a/..'.repeat(n),
  'words of credentials': (n) => `${'bearer '.repeat(n)}basic ${' '.repeat(n)}`,
}
