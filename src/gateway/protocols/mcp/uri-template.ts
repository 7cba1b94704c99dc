/**
 * Matches URIs against a template (RFC 6570, level 1): `{name}` stands for one or more characters up to the next `/`,
 * `?` or `#`, and for nothing that could climb out of its place.
 *
 * A URI that two readers could take for different things matches nothing: dot segments and their encodings, a backslash.
 */
export function templateMatcher(template: string): (uri: string) => boolean {
  const known = matchers.get(template)
  if (known !== undefined) return known
  const pattern = template
    .split(/\{[A-Za-z0-9_.-]+\}/)
    .map((literal) => literal.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('([^/?#\\s]+)')
  const whole = new RegExp(`^${pattern}$`)
  const matcher = (uri: string) => whole.test(uri) && !/(?:^|\/)(?:\.|%2e){1,2}(?:[/?#]|$)|\\|%5c|%2f|%00/i.test(uri)
  matchers.set(template, matcher)
  return matcher
}

/** Templates come from the configuration, so that there are as many as it names. */
const matchers = new Map<string, (uri: string) => boolean>()
