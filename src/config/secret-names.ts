import { type Carrier, placeholdersIn } from '../model/index.ts'
import type { UpstreamConfig } from './config.ts'

/** A text of a server's entry that may hold `${secret:name}`. */
export interface InjectedText {
  /** The place of the text in its entry, for a person. */
  readonly where: string
  readonly text: string
  readonly carrier: Carrier
}

/** Returns all texts of a server's entry that may hold `${secret:name}`. */
export function injectedTexts(server: UpstreamConfig['server']): readonly InjectedText[] {
  if (server.kind === 'stdio')
    return [...texts('word', server.command.entries()), ...texts('its variable', server.cell.env)]
  return [{ where: 'its url', text: server.url.href, carrier: 'url' }, ...texts('its header', server.headers)]
}

function texts(what: string, named: Iterable<readonly [string | number, string]>): readonly InjectedText[] {
  return [...named].map(([name, text]) => ({ where: `${what} ${name}`, text, carrier: 'text' }))
}

/** Returns the secrets that a server's entry names, each once. */
export function secretsOf(server: UpstreamConfig['server']): readonly string[] {
  const all = injectedTexts(server).flatMap(({ text, carrier }) => placeholdersIn(text, carrier))
  return [...new Set(all.map(({ name }) => name))]
}
