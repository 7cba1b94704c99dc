import { no, type Result } from '../../../../model/index.ts'
import type { NameRules } from '../rules/package-policy.ts'
import type { MarkedList } from './marked-list.ts'
import { markPackument } from './packument.ts'
import { markSimpleHtml, markSimpleJson } from './simple-index.ts'

/** A list of a package, as its registry sent it, that is to be marked. */
export interface ListJob {
  readonly form: 'packument' | 'simple-json' | 'simple-html'
  readonly bytes: Uint8Array
  readonly rules: NameRules
  /** Epoch ms. */
  readonly nowMs: number
}

/** Marks one list. The error says why it cannot be shown; whatever it holds, nothing is thrown. */
export function markList({ form, bytes, rules, nowMs }: ListJob): Result<MarkedList, string> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (form === 'packument') return markPackument(text, rules, nowMs)
    return form === 'simple-json' ? markSimpleJson(text, rules, nowMs) : markSimpleHtml(text, rules, nowMs)
  } catch (error) {
    return no(error instanceof TypeError ? 'it is no UTF-8' : 'it cannot be read')
  }
}
