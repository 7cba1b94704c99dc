import { isIP } from 'node:net'
import { no, ok, type Result } from '../../model/index.ts'
import { isHostName } from '../origins/origin.ts'
import type { SubjectName } from './certificate.ts'

/**
 * Reads a name as a cell dialled it (of a ClientHello, or an address) into the one that a certificate may carry: the name
 * of a host, or an IPv4 address in its usual form. A wildcard never, and nothing that would have to be repaired but its
 * case. The bytes are the cell's.
 */
export function subjectName(asked: string): Result<SubjectName, string> {
  if (isIP(asked) === 4) return ok({ kind: 'address', bytes: Uint8Array.from(asked.split('.'), Number), text: asked })
  const text = asked.toLowerCase()
  // Some letters beside ASCII have a lower case in it: K, of the Kelvin, is not `k`.
  return text.length === asked.length && /^[\x21-\x7e]*$/.test(asked) && isHostName(text)
    ? ok({ kind: 'dns', text })
    : no('not the name of a host, and no IPv4 address')
}
