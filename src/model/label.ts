/**
 * What is known about data that a cell has seen: `untrusted` for what anyone outside could have written, any other one
 * (`confidential`, `confidential:customers`) for whom it is meant for.
 */
declare const brand: unique symbol
export type Label = string & { readonly [brand]: 'Label' }

export const UNTRUSTED = 'untrusted' as Label

const LABEL_PATTERN = /^[a-z][a-z0-9-]{0,47}(?::[a-z0-9][a-z0-9-]{0,47})?$/

/** Undefined for what is no label. */
export function labelFrom(text: string): Label | undefined {
  return LABEL_PATTERN.test(text) ? (text as Label) : undefined
}
