import { Buffer } from 'node:buffer'
import { originAt, originOptions } from '../http/origin-line.ts'
import { originPayloads } from '../http/payload.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { GIT_NAME, GitLine } from './line.ts'

/** Fetches from git servers, and pushes to them. */
export const GIT: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: GIT_NAME,
  payloads: originPayloads,
  dialler(dial) {
    return (setup, line) => {
      const { name, server } = setup
      if (server.kind !== 'origin' || server.git === undefined) throw new Error(`${name} is no git server`)
      const { user, lfs = [] } = server.git
      // Git servers take a token as the password of a user (RFC 7617).
      const injected = (header: string, value: string) =>
        header === 'authorization' && user !== undefined
          ? `Basic ${Buffer.from(`${user}:${value}`).toString('base64')}`
          : value
      const options = originOptions(setup, line, dial, injected)
      return new GitLine({ ...options, lfs: lfs.map((url) => originAt(name, url)) })
    }
  },
}
