/** Tells by its name what no cell is shown of a program's directory unless a person names it. */

const NAMES = new Set([
  ...['.git', '.hg', '.svn', '.ssh', '.gnupg', '.aws', '.azure', '.gcloud', '.config', '.kube', '.docker', '.npmrc'],
  ...['.yarnrc', '.yarnrc.yml', '.netrc', '_netrc', '.pypirc', '.pgpass', '.my.cnf', '.htpasswd', '.git-credentials'],
  ...['.vault-token', '.terraform', '.mcp.json', '.claude', '.cursor', '.codex', '.gemini', '.firebreak', '.dev.vars'],
  ...['.databrickscfg', '.boto', '.s3cfg', '.password-store', '.bash_history', '.zsh_history', '.envrc', '.secrets'],
  ...['firebreak.yaml', 'firebreak.accepted.json', 'secrets', 'credentials', 'credentials.json', 'secrets.json'],
  ...['secrets.yaml', 'secrets.yml', 'secrets.toml', 'auth.json', 'token', 'token.json', 'tokens.json'],
])
const PATTERN =
  /^\.env(?:$|[._-])|\.env$|\.(?:key|pem|p12|pfx|jks|keystore|kdbx|ppk|tfstate|tfvars|ovpn)$|^id_(?:rsa|dsa|ecdsa|ed25519)|service[-_]?account.*\.json$|^client_secret.*\.json$|mcp\.json$|mcp[_-]config\.json$|^claude_desktop_config\.json$/i

/** Endings of examples, which hold no secrets, and of public keys, which open nothing. */
const HARMLESS = /(?:^|[.-])(?:example|sample|template|dist|schema)$|\.pub$|\.d\.ts$/i

export function isSecretFile(name: string): boolean {
  return (NAMES.has(name.toLowerCase()) || PATTERN.test(name)) && !HARMLESS.test(name)
}

/** Directories in which secrets lie, whatever the file is called. */
const PLACES = new Set([
  ...['.ssh', '.gnupg', '.aws', '.azure', '.gcloud', '.kube', '.docker', '.password-store', '.vault', '.secrets'],
  ...['secrets', 'credentials', '.git', '.hg', '.svn', '.firebreak'],
])
/** The same, by two names. */
const PLACES_WITHIN =
  /\/(?:\.config\/(?:gcloud|gh|glab|op|rclone|sops|doctl)|etc\/(?:ssh|ssl\/private)|Library\/Keychains)(?:\/|$)/
/** Directories that hold secrets and programs: none is shown whole, and what lies in one is judged by itself. */
const MIXED = new Set(['.config', '.claude', '.cursor', '.codex', '.gemini', '.terraform'])

/** Tells from all names of a path whether it is, or lies in, what no cell is shown unless a person names it. */
export function isSecretPlace(path: string, isDirectory: boolean): boolean {
  const names = path.split('/').map((name) => name.toLowerCase())
  const own = names.at(-1) ?? ''
  if (names.some((name) => PLACES.has(name)) || PLACES_WITHIN.test(path)) return true
  return isDirectory ? MIXED.has(own) : isSecretFile(own)
}

/** Packages of others, among whose files such names mean something else: roots of authorities, fixtures of tests. */
export function isPackages(name: string): boolean {
  return ['node_modules', '.venv', 'venv', 'site-packages', '.pnpm', '.yarn', 'vendor'].includes(name)
}
