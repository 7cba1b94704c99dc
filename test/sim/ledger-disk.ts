import { dirname } from 'node:path'
import type { Disk, DiskFile } from '../../src/ledger/log/disk.ts'

/**
 * A disk in memory that can lose power at any moment. What was not synced may be there, be gone, or be torn between any
 * two sectors, in any order; a name that was not synced may be there or not; what was synced is there.
 */
export class SimDisk implements Disk {
  readonly #names = new Map<string, Inode>()
  /** Names as they would be found after a power loss, were nothing unsynced to survive. */
  readonly #durableNames = new Map<string, Inode>()
  /** Called before and after every operation: each is a moment at which the power can fail. */
  onMoment: () => void = () => {}
  /** Given the name of each write or sync; returning a code makes it fail, half done. */
  failure: (operation: string) => string | undefined = () => undefined
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  /** The same disk after a power loss now, as `random` decides. */
  afterPowerLoss(random: () => number): SimDisk {
    const disk = new SimDisk(random)
    const inodes = new Map<Inode, Inode>()
    for (const path of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const [now, durable] = [this.#names.get(path), this.#durableNames.get(path)]
      const inode = now === durable || random() < 0.5 ? durable : now
      if (!inode) continue
      const survived = inodes.get(inode) ?? inode.afterPowerLoss(random)
      inodes.set(inode, survived)
      disk.#names.set(path, survived)
      disk.#durableNames.set(path, survived)
    }
    return disk
  }

  /** For tests that damage what is there. */
  bytes(path: string): Buffer | undefined {
    return this.#names.get(path)?.now
  }

  async names(directory: string): Promise<readonly string[]> {
    const prefix = `${directory}/`
    const names = [...this.#names.keys()].filter((path) => path.startsWith(prefix) && dirname(path) === directory)
    return names.map((path) => path.slice(prefix.length)).sort()
  }

  async makeDirectory(): Promise<void> {}

  create(path: string): Promise<DiskFile> {
    return this.#operation('create', () => {
      if (this.#names.has(path)) throw fault('EEXIST')
      const inode = new Inode()
      this.#names.set(path, inode)
      return this.#file(inode)
    })
  }

  async open(path: string): Promise<DiskFile | undefined> {
    const inode = this.#names.get(path)
    return inode && this.#file(inode)
  }

  rename(from: string, to: string): Promise<void> {
    return this.#operation('rename', () => {
      const inode = this.#names.get(from)
      if (!inode) throw fault('ENOENT')
      this.#names.delete(from)
      this.#names.set(to, inode)
    })
  }

  remove(path: string): Promise<void> {
    return this.#operation('remove', () => {
      this.#names.delete(path)
    })
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#operation('syncDirectory', () => {
      for (const path of [...this.#durableNames.keys()]) {
        if (dirname(path) === directory && !this.#names.has(path)) this.#durableNames.delete(path)
      }
      for (const [path, inode] of this.#names) if (dirname(path) === directory) this.#durableNames.set(path, inode)
    })
  }

  #file(inode: Inode): DiskFile {
    const write = (bytes: Uint8Array, at: number) => inode.write(Buffer.from(bytes), at)
    return {
      size: inode.now.length,
      read: async (at, bytes) => Buffer.from(inode.now.subarray(at, at + bytes)),
      write: (bytes, at) => this.#operation('write', () => write(bytes, at)),
      sync: () => this.#operation('sync', () => inode.sync()),
      writeDurably: async (bytes, at) => {
        await this.#operation('writeDurably', () => write(bytes, at))
        await this.#operation('writeDurably', () => inode.syncRange(at, bytes.length))
      },
      close: async () => {},
    }
  }

  async #operation<T>(name: string, act: () => T): Promise<T> {
    await undefined
    this.onMoment()
    const code = this.failure(name)
    if (code !== undefined) {
      if (name !== 'sync' && this.#random() < 0.5) act()
      throw fault(code)
    }
    const result = act()
    this.onMoment()
    return result
  }
}

const SECTOR = 512

/** Bytes that grow with room to spare, so that a file that is written in small pieces is not copied for each. */
class Grown {
  #room = Buffer.alloc(0)
  #size = 0

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#size)
  }

  /** Makes it at least so long; what is new is zero. */
  growTo(size: number): void {
    if (size > this.#room.length) this.#room = Buffer.concat([this.bytes], Math.max(size, 2 * this.#room.length))
    this.#size = Math.max(this.#size, size)
  }

  replace(bytes: Buffer): void {
    this.#room = Buffer.from(bytes)
    this.#size = bytes.length
  }
}

class Inode {
  readonly #held = new Grown()
  readonly #durable = new Grown()
  /** Sectors in which `now` is newer. */
  readonly #unsynced = new Set<number>()

  get now(): Buffer {
    return this.#held.bytes
  }

  write(bytes: Buffer, at: number): void {
    this.#held.growTo(at + bytes.length)
    this.now.set(bytes, at)
    for (let sector = Math.floor(at / SECTOR); sector * SECTOR < at + bytes.length; sector++) this.#unsynced.add(sector)
  }

  sync(): void {
    this.#durable.replace(this.now)
    this.#unsynced.clear()
  }

  syncRange(at: number, length: number): void {
    this.#durable.growTo(this.now.length)
    for (let sector = Math.floor(at / SECTOR); sector * SECTOR < at + length; sector++) {
      this.now.copy(this.#durable.bytes, sector * SECTOR, sector * SECTOR, (sector + 1) * SECTOR)
      this.#unsynced.delete(sector)
    }
  }

  afterPowerLoss(random: () => number): Inode {
    const inode = new Inode()
    const grown = this.now.length - this.#durable.bytes.length
    const size =
      this.#durable.bytes.length +
      (grown > 0 ? ([0, grown, Math.floor(random() * grown)][Math.floor(random() * 3)] ?? 0) : 0)
    inode.#held.replace(this.#durable.bytes.subarray(0, size))
    inode.#held.growTo(size)
    // All of it, none of it, a prefix, or any mixture: each is seen on real disks.
    const style = Math.floor(random() * 4)
    const until = random() * this.#unsynced.size
    for (const [i, sector] of [...this.#unsynced].sort((a, b) => a - b).entries()) {
      const kept = style === 0 || (style === 1 && i < until) || (style === 2 && random() < 0.5)
      if (kept && sector * SECTOR < size)
        this.now.copy(inode.now, sector * SECTOR, sector * SECTOR, (sector + 1) * SECTOR)
    }
    inode.sync()
    return inode
  }
}

/** Seeded, so that a failure can be had again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code })
}
