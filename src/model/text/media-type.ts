/** A token (RFC 9110, 5.6.2) in lower case, as part of a regular expression; longer ones stand in no registry. */
export const TOKEN = "[!#$%&'*+.^_`|~0-9a-z-]{1,127}"

/**
 * Tells whether bodies of a media type are judged as JSON: RFC 8259, RFC 6839 (`+json`), and the names that frameworks read as
 * JSON beside those. `type` has no parameters; of a range (`application/*+json`) it is told of all that it covers.
 */
export function isJsonType(type: string): boolean {
  return JSON_TYPE.test(type.toLowerCase())
}

const JSON_TYPE = new RegExp(`^${TOKEN}/(?:(?:${TOKEN}\\+)?json|x-json|jsonrequest)$`)
