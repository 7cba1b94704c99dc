/**
 * Places of a policy of Chromium, of Chrome for tests, of Chrome. Of several files the last by its name is the one that
 * counts, member by member: a host's own policy beside it stays for all else.
 */
export const CHROMIUM_PLACES: readonly string[] = ['chromium', 'opt/chrome_for_testing', 'opt/chrome'].map(
  (product) => `/etc/${product}/policies/managed/zz-firebreak.json`,
)

/**
 * Returns the policy by which a browser believes the issuer (DER), and asks the cell's own resolver for names: with one
 * of its own, over HTTPS, the name that it dials would not be the one that the gate has answered.
 */
export function chromiumPolicy(certificate: Buffer): string {
  const policy = { CACertificates: [certificate.toString('base64')], DnsOverHttpsMode: 'off' }
  return `${JSON.stringify(policy, null, 2)}\n`
}
