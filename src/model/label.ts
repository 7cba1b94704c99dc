/**
 * Knowledge about data that a cell has seen: `untrusted` for data that anyone outside could have written; any other
 * label (`confidential`, `confidential:customers`) names the readers that it is meant for.
 */
declare const brand: unique symbol
export type Label = string & { readonly [brand]: 'Label' }

export const UNTRUSTED = 'untrusted' as Label

const LABEL_PATTERN = /^[a-z][a-z0-9-]{0,47}(?::[a-z0-9][a-z0-9-]{0,47})?$/

/** Reads a label; undefined where the text is none. */
export function labelFrom(text: string): Label | undefined {
  return LABEL_PATTERN.test(text) ? (text as Label) : undefined
}
