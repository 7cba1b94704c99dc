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

/** Packages of others, among whose files such names mean something else: roots of authorities, fixtures of tests. */
export function isPackages(name: string): boolean {
  return ['node_modules', '.venv', 'venv', 'site-packages', '.pnpm', '.yarn', 'vendor'].includes(name)
}
