import { LIMITS, type ListCut } from '../../model/index.ts'
import { cutShown } from './cut-shown.ts'

/** Returns what an entry tells of the cuts: the first few, each a sentence that is cut where it is long. */
export function cutsTold(what: readonly string[]): Pick<ListCut, 'what' | 'more'> {
  const told = what.slice(0, LIMITS.listCutsToldMax).map((each) => cutShown(each, 500))
  const more = what.length - told.length
  return { what: told, ...(more > 0 && { more }) }
}
