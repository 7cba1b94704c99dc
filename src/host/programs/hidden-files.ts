/** Files that are made to hold credentials and nothing that work needs: a workspace does not show them unless it says so. */

const NAMES = new Set([
  ...['.netrc', '_netrc', '.git-credentials', '.pgpass', '.pypirc', '.vault-token', '.htpasswd', '.dev.vars'],
  ...['.s3cfg', '.boto', '.databrickscfg', '.ssh', '.gnupg', '.aws', '.password-store'],
])
const PATTERN = /^\.env(?:\.[^/]+)?$|^id_(?:rsa|dsa|ecdsa|ed25519)$/
/** Endings of examples, which hold no secrets. */
const HARMLESS = /\.(?:example|sample|template|dist|defaults?|schema)$/

/** Tells by its name whether a file or directory of a workspace is hidden where the configuration says nothing. */
export function isHiddenUnasked(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
  return (NAMES.has(name) || PATTERN.test(name)) && !HARMLESS.test(name)
}

/**
 * Patterns of `hide:` that hide the same, for a configuration that hides more; of examples they hide those of `.env`,
 * too.
 */
export const HIDDEN_PATTERNS: readonly string[] = [
  ...[...NAMES, '.env', '.env.*', 'id_rsa', 'id_dsa', 'id_ecdsa', 'id_ed25519'].map((name) => `**/${name}`),
]
