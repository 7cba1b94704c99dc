/**
 * Programs that only carry a remote server's words to standard input and output: `npx mcp-remote <url>` and its like. Our
 * gateway speaks to such a server itself, and no cell needs a way to it.
 */
import { basename } from 'node:path'

export interface UnwrappedServer {
  readonly carrier: string
  readonly url: string
  readonly headers: ReadonlyMap<string, string>
  /** Things that the program did beside that and nothing does here, for a person. */
  readonly notes: readonly string[]
}

/** Returns the remote server behind a command; undefined where the command is something else. */
export function unwrapRemote(command: readonly string[]): UnwrappedServer | undefined {
  const at = command.findIndex((word, i) => CARRIERS.test(packageName(word)) && command.slice(0, i).every(isRunner))
  if (at === -1) return undefined
  const carrier = packageName(command[at] ?? '')
  const args = command.slice(at + 1)
  const urlAt = args.findIndex((arg) => /^(?:https?:\/\/|\$\{)/.test(urlOf(arg)))
  const url = args[urlAt]
  if (url === undefined) return undefined
  const headers = new Map<string, string>()
  const notes: string[] = []
  for (let i = 0; i < args.length; i++) {
    const flag = args[i] ?? ''
    if (i === urlAt) continue
    const [, name = flag, joined] = /^(-[^=]+)=([\s\S]*)$/.exec(flag) ?? []
    const value = joined ?? args[i + 1] ?? ''
    if (/^(?:--header|-H)$/.test(name)) {
      addHeader(headers, value)
      if (joined === undefined) i++
    } else if (name === '--headers') {
      // mcp-proxy: a name and a value, apart.
      headers.set(value, args[i + 2] ?? '')
      i += 2
    } else if (name === '--oauth2Bearer') {
      headers.set('Authorization', `Bearer ${value}`)
      if (joined === undefined) i++
    } else if (URL_FLAGS.test(name) || name === '-y' || name === '--yes') {
      // What says where, or that nobody is to be asked.
    } else notes.push(`${carrier}’s ${flag}`)
  }
  return { carrier, url: urlOf(url), headers, notes }
}

const CARRIERS =
  /^(?:mcp-remote|supergateway|mcp-proxy|@modelcontextprotocol\/client-cli|mcp-remote-client|sse-to-stdio)$/
const URL_FLAGS = /^--(?:sse|streamableHttp|url|endpoint)$/

function packageName(word: string): string {
  const plain = word.replace(/^npm:/, '')
  const own =
    plain.includes('/node_modules/') || plain.startsWith('/') || plain.startsWith('.') ? basename(plain) : plain
  return own.replace(/(?<=.)@[^/]*$/, '')
}

/**
 * Tells whether a word fetches and starts a package, or is an option of that: nothing that could be another program's
 * argument.
 */
function isRunner(word: string): boolean {
  return (
    word.startsWith('-') ||
    /^\/c$/i.test(word) ||
    /^(?:npx|bunx|bun|pnpm|yarn|npm|uvx|uv|pipx|deno|node|cmd|cmd\.exe|dlx|exec|x|run|tool)$/i.test(basename(word)) ||
    CARRIERS.test(packageName(word))
  )
}

function urlOf(arg: string): string {
  return arg.replace(/^--?\w+=/, '')
}

function addHeader(headers: Map<string, string>, written: string): void {
  const [, name, value = ''] = /^([^:]+):\s*([\s\S]*)$/.exec(written) ?? []
  if (name !== undefined) headers.set(name.trim(), value)
}
