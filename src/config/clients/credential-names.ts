/** Tells from a name whether its value is a credential: of a variable, a header, a flag, a parameter, a key of JSON. */

/** Words that name a credential whatever stands around them, but for the words that make something else of them. */
const STRONG = new Set([
  ...['token', 'secret', 'password', 'passwd', 'pwd', 'pass', 'passphrase', 'passcode', 'credential', 'credentials'],
  ...['pat', 'jwt', 'apikey', 'apitoken', 'accesskey', 'secretkey', 'privatekey', 'authtoken', 'accesstoken', 'bearer'],
  ...['authorization', 'cookie', 'dsn', 'sas', 'sig', 'signature', 'pw', 'passwort', 'userpass', 'otp', 'pin'],
])
/** Words that, before `key`, name a key that opens nothing. */
const PLAIN_KEYS = new Set([
  ...[
    'public',
    'primary',
    'partition',
    'sort',
    'foreign',
    'object',
    'cache',
    'row',
    'hot',
    'group',
    'index',
    'publishable',
  ],
  ...['project', 'issue', 'board', 'idempotency', 'sheet', 'file', 'space', 'enter', 'default'],
])
/** Words that, behind a credential's name, name something about it. */
const ABOUT = new Set([
  ...[
    'url',
    'uri',
    'file',
    'path',
    'dir',
    'name',
    'id',
    'type',
    'kind',
    'limit',
    'max',
    'min',
    'count',
    'ttl',
    'expiry',
  ],
  ...['expires', 'expiration', 'prefix', 'header', 'endpoint', 'enabled', 'disabled', 'mode', 'length', 'size', 'host'],
  ...[
    'port',
    'issuer',
    'audience',
    'algorithm',
    'scope',
    'scopes',
    'budget',
    'timeout',
    'store',
    'provider',
    'required',
  ],
  ...['policy', 'rotation', 'format', 'env', 'version', 'region', 'method', 'service', 'manager', 'command', 'field'],
])
/** Words that, before a credential's name, name an amount of it. */
const AMOUNT = new Set([
  'max',
  'min',
  'num',
  'total',
  'count',
  'n',
  'no',
  'use',
  'enable',
  'disable',
  'skip',
  'with',
  'next',
])

export function namesCredential(name: string): boolean {
  const words = wordsOf(name)
  if (words.length === 0) return false
  if (/^(?:x-)?auth$/i.test(name.replace(/^-+/, ''))) return true
  const at = words.findLastIndex((word, i) => STRONG.has(word) || isKey(words, i))
  if (at === -1) return false
  if (AMOUNT.has(words[0] ?? '') && words.length > 1) return false
  return !words.slice(at + 1).some((word) => ABOUT.has(word))
}

/**
 * Tells whether the word at `at` names a secret key: `STRIPE_KEY`, `x-api-key`, `accountKey`, `key`; all but keys that
 * open nothing.
 */
function isKey(words: readonly string[], at: number): boolean {
  return words[at] === 'key' && !PLAIN_KEYS.has(words[at - 1] ?? '')
}

/** Returns the words of a name in small letters: `DISCORD_BOT_TOKEN2`, `apiKey`, `--api-key`, `X-Api-Key`. */
function wordsOf(name: string): readonly string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '')
}

/**
 * Tells whether a value is plainly no credential, whatever its name: a switch, a path, a word that says that there is
 * none.
 */
export function namesPlain(value: string): boolean {
  const text = value.trim()
  return (
    text === '' ||
    /^(?:true|false|yes|no|on|off|none|null|undefined|default|disabled|enabled|auto|basic|bearer|oauth2?|env|file|prompt)$/i.test(
      text,
    ) ||
    /^(?:\.{0,2}|~)\/[\w./ -]*$/.test(text)
  )
}
