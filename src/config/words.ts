/** Splits a command line into words: quotes keep what is between them together, as in a shell. */
export function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/(?:"([^"]*)"|'([^']*)'|[^\s"']+)+/g)].map(([word]) => word.replaceAll(/["']/g, ''))
}
