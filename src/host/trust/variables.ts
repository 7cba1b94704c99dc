/** The variables by which programs find their roots. Who has none of its own (wget, Go's and Python's defaults) reads the system's bundle. */

/** Names of those whose file is added to the roots that a program brings along. */
const ADDING = ['NODE_EXTRA_CA_CERTS'] as const

/** Names of those whose file takes the place of all other roots: it has to be the whole bundle. */
const REPLACING = [
  'SSL_CERT_FILE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'REQUESTS_CA_BUNDLE',
  'PIP_CERT',
  'CARGO_HTTP_CAINFO',
  'AWS_CA_BUNDLE',
  'npm_config_cafile',
  'DENO_CERT',
  'CODEX_CA_CERTIFICATE',
] as const

/** Returns the variables of a cell in which the issuer's certificate alone stands at `issuer`, and with all roots at `bundle`. */
export function trustVariables(issuer: string, bundle: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...ADDING.map((name) => [name, issuer]), ...REPLACING.map((name) => [name, bundle])])
}
