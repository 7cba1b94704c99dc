/**
 * What the kernel's tables say of a cell's processes. Nothing here opens a file of the cell, and of its environment only
 * the names are read: values may be what it stole.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface ProcessEvidence {
  /** The host's. */
  readonly pid: number
  readonly parent: number
  /** As the process wrote it. */
  readonly command: string
  readonly program: string
  /** Paths, pipes and sockets that it has open. */
  readonly open: readonly string[]
  readonly environment: readonly string[]
  /** Resident memory in KiB, and how many mappings there are. */
  readonly memoryKiB: number
  readonly mappings: number
}

const PROCESSES_MAX = 64
const OPEN_MAX = 64
const NAMES_MAX = 128
const TEXT_MAX = 256
const ESTABLISHED = '01'

/** A process that ended meanwhile is left out. */
export function processEvidence(pids: readonly number[]): readonly ProcessEvidence[] {
  return pids.slice(0, PROCESSES_MAX).flatMap((pid) => {
    const status = contents(`/proc/${pid}/status`)
    if (status === '') return []
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
    return {
      pid,
      parent: field('PPid'),
      command: plain(contents(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')),
      program: plain(linked(`/proc/${pid}/exe`)),
      open: openOf(pid),
      environment: contents(`/proc/${pid}/environ`)
        .split('\0')
        .slice(0, NAMES_MAX)
        .flatMap((variable) => (variable.includes('=') ? [plain(variable.slice(0, variable.indexOf('=')))] : [])),
      memoryKiB: field('VmRSS'),
      mappings: contents(`/proc/${pid}/maps`).split('\n').length - 1,
    }
  })
}

/** Established connections of one of these ports in the network namespace of `pid`. proc(5), /proc/net/tcp. */
export function connectionsIn(pid: number, ports: readonly number[]): number {
  return ['tcp', 'tcp6']
    .flatMap((table) => contents(`/proc/${pid}/net/${table}`).split('\n').slice(1))
    .filter((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/)
      return state === ESTABLISHED && ports.includes(Number.parseInt(local.slice(local.indexOf(':') + 1), 16))
    }).length
}

function openOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .slice(0, OPEN_MAX)
      .map((fd) => plain(linked(`/proc/${pid}/fd/${fd}`)))
  } catch {
    return []
  }
}

function linked(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function contents(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function plain(text: string): string {
  return text.slice(0, TEXT_MAX).trim()
}
