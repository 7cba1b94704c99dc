import { type Carrier, placeholdersIn } from '../model/index.ts'
import type { HttpServer, StdioServer } from './config.ts'

/** A text of a server's entry that may hold `${secret:name}`. */
export interface InjectedText {
  /** The place of the text in its entry, for a person. */
  readonly where: string
  readonly text: string
  readonly carrier: Carrier
}

/** Returns all texts of a server's entry that may hold `${secret:name}`. */
export function injectedTexts(mcp: StdioServer | HttpServer): readonly InjectedText[] {
  if (mcp.kind === 'http')
    return [{ where: 'its url', text: mcp.url.href, carrier: 'url' }, ...texts('its header', mcp.headers)]
  return [...texts('word', mcp.command.entries()), ...texts('its variable', mcp.cell.env)]
}

function texts(what: string, named: Iterable<readonly [string | number, string]>): readonly InjectedText[] {
  return [...named].map(([name, text]) => ({ where: `${what} ${name}`, text, carrier: 'text' }))
}

/** Returns the secrets that a server's entry names, each once. */
export function secretsOf(mcp: StdioServer | HttpServer): readonly string[] {
  const all = injectedTexts(mcp).flatMap(({ text, carrier }) => placeholdersIn(text, carrier))
  return [...new Set(all.map(({ name }) => name))]
}
