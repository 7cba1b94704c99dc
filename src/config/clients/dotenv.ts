/** Reads `NAME=value` lines as dotenv does: comments, `export`, quotes, `\n` within double ones. */
export function readDotenv(text: string): ReadonlyMap<string, string> {
  const lines = text
    .replace(/^\uFEFF/, '')
    .matchAll(
      /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*("(?:[^"\\]|\\[\s\S])*"|'[^']*'|[^\n#]*(?:#(?<=\S#)[^\n]*)?)/gm,
    )
  return new Map([...lines].map(([, name = '', value = '']) => [name, unquoted(value.trim())]))
}

function unquoted(written: string): string {
  if (written.startsWith("'") && written.endsWith("'") && written.length > 1) return written.slice(1, -1)
  if (!(written.startsWith('"') && written.endsWith('"') && written.length > 1)) return written
  return written.slice(1, -1).replaceAll(/\\([\s\S])/g, (_, each: string) => (each === 'n' ? '\n' : each))
}
