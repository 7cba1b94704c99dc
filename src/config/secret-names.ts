import type { HttpServer, StdioServer } from './config.ts'

/** The names in `${secret:name}`, in order; in a URL's path its braces are percent-encoded. */
export function secretNames(value: string): readonly string[] {
  return [...value.matchAll(SECRET_IN_TEXT)].map((match) => match[1] ?? '')
}

/** `${secret:name}` as it is written, and as a URL's path spells it (WHATWG URL: the path percent-encode set). */
export const SECRET_IN_TEXT = /\$(?:\{|%7B)secret:([^}%]*)(?:\}|%7D)/g

/** Returns all texts of a server's entry that may hold `${secret:name}`. */
export function injectedTexts(mcp: StdioServer | HttpServer): readonly string[] {
  return mcp.kind === 'http' ? [mcp.url.href, ...mcp.headers.values()] : [...mcp.command, ...mcp.cell.env.values()]
}

/** Returns the secrets that a server's entry names, each once. */
export function secretsOf(mcp: StdioServer | HttpServer): readonly string[] {
  return [...new Set(injectedTexts(mcp).flatMap(secretNames))]
}
