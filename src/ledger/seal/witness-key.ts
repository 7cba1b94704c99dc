import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { no, ok, type Result } from '../../model/result.ts'
import { realDisk } from '../log/disk.ts'
import { parseWitnessKey, type WitnessKey, witnessKeyText } from '../log/note.ts'

export interface OwnKey {
  readonly key: WitnessKey
  readonly keyText: string
  readonly privateKey: KeyObject
}

const NAME = 'firebreak-witness'

/**
 * Opens `witness.key` (0600) and `witness.pub`, made at the first start and never again: a lost key is not replaced.
 */
export async function openWitnessKey(directory: string): Promise<Result<OwnKey, string>> {
  const path = join(directory, 'witness.key')
  const names = await readdir(directory, { withFileTypes: true })
  if (!names.some((entry) => entry.name === 'witness.key')) {
    if (names.some((entry) => entry.isDirectory())) return no(`${path} is gone, and there are seals it has signed`)
    await write(directory, 'witness.key', newKey(), 0o600)
  }
  const pem = await readFile(path, 'utf8')
  const privateKey = createPrivateKey(pem)
  if (privateKey.asymmetricKeyType !== 'ed25519') return no(`${path} is not an Ed25519 key`)
  const keyText = witnessKeyText(NAME, createPublicKey(pem))
  if ((await readFile(join(directory, 'witness.pub'), 'utf8').catch(() => '')) !== `${keyText}\n`) {
    await write(directory, 'witness.pub', `${keyText}\n`, 0o644)
  }
  const key = parseWitnessKey(keyText)
  return key.ok ? ok({ key: key.value, keyText, privateKey }) : no(`${path}: ${key.reason.problem}`)
}

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Writes a file whole or not at all: half a key would stop every later start. */
async function write(directory: string, name: string, text: string, mode: number): Promise<void> {
  const next = join(directory, `${name}.next`)
  const handle = await open(
    next,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    mode,
  )
  await handle.writeFile(text)
  await handle.sync()
  await handle.close()
  await realDisk.rename(next, join(directory, name))
  await realDisk.syncDirectory(directory)
}
