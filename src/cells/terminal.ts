/** The few things about a terminal that Node does not offer. termios(3), ioctl_tty(2) */
import { writeSync } from 'node:fs'
import koffi from 'koffi'

/** Opaque: `struct termios` as the C library has it. */
export type SavedTerminal = Buffer

export function saveTerminal(fd: number): SavedTerminal | undefined {
  const modes = Buffer.alloc(TERMIOS_BYTES)
  return libc.tcgetattr(fd, modes) === 0 ? modes : undefined
}

/**
 * Throws away what was typed and not read (TCSAFLUSH): a cell's last act can be to ask the terminal something, and the
 * answer, arriving now, would be typed into the owner's shell.
 */
export function restoreTerminal(fd: number, saved: SavedTerminal): void {
  libc.tcsetattr(fd, TCSAFLUSH, saved)
}

/** Colours off, cursor shown, main screen, no mouse or paste reports: what a program that was killed left on. */
export function writeReset(fd: number): void {
  try {
    writeSync(fd, '\x1b[0m\x1b[?25h\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l')
  } catch {
    // Nobody is there to see it.
  }
}

export function resizeTerminal(fd: number, columns: number, rows: number): void {
  libc.ioctl(fd, TIOCSWINSZ, new Uint16Array([rows, columns, 0, 0]))
}

const TERMIOS_BYTES = 60
const TCSAFLUSH = 2
const TIOCSWINSZ = 0x5414

interface TerminalCalls {
  readonly tcgetattr: (fd: number, modes: Buffer) => number
  readonly tcsetattr: (fd: number, action: number, modes: Buffer) => number
  readonly ioctl: (fd: number, request: number, size: Uint16Array) => number
}

const library = koffi.load('libc.so.6')
const libc: TerminalCalls = {
  tcgetattr: library.func('int tcgetattr(int fd, _Out_ uint8_t *modes)'),
  tcsetattr: library.func('int tcsetattr(int fd, int action, const uint8_t *modes)'),
  ioctl: library.func('int ioctl(int fd, ulong request, const uint16_t *size)'),
}
