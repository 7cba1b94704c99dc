import process from 'node:process'
import { isPersonName, type PersonName, personName } from '../../model/index.ts'

/** Returns the person who is logged in, as the ledger will name them where a command names nobody. */
export function loginName(): PersonName {
  const { SUDO_USER = '', USER = '' } = process.env
  return personName([SUDO_USER, USER].find(isPersonName) ?? 'root')
}
