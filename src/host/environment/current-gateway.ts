import { closeSync } from 'node:fs'
import { memoryFile, systemFaultText } from '../../cells/kernel/libc.ts'
import { type FollowedSetup, type Noted, type WardenMessage, writeSetup } from '../../gateway/link/setup.ts'
import { type AgentName, no, type Result, type Rung } from '../../model/index.ts'
import type { HoldAnswer } from '../people/mailbox.ts'
import type { Services } from '../services/services.ts'
import type { PulseNumbers } from './pulse-numbers.ts'

/** Milliseconds for a gateway to compile the rules of another configuration and to put them in force. */
const CONFIGURED_MS_MAX = 10_000

/** The gateway of an environment that is there now: a lost one, while another is started in its place. */
export class CurrentGateway {
  readonly #numbers: PulseNumbers
  #services: Services

  constructor(services: Services, numbers: PulseNumbers) {
    this.#services = services
    this.#numbers = numbers
  }

  get services(): Services {
    return this.#services
  }

  /** Puts another gateway in the place of the one before. */
  replaceBy(services: Services): void {
    this.#services = services
  }

  tell(message: WardenMessage): Result<void, string> {
    return this.#services.tell(message)
  }

  /** Resolves with true when the ledger has the entry. */
  async record(entry: Noted): Promise<boolean> {
    const number = this.#numbers.nextAnswer()
    const told = this.#services.tell({ kind: 'note', number, entry })
    return told.ok && (await this.#services.said('answered', number)).ok
  }

  /** Resolves when a person's answer to a hold is in the ledger; with an error where it is not taken. */
  answer({ environment: _, ...answer }: HoldAnswer): Promise<Result<void, string>> {
    const number = this.#numbers.nextAnswer()
    const told = this.#services.tell({ kind: 'answer', number, ...answer })
    return told.ok ? this.#services.said('answered', number) : Promise.resolve(told)
  }

  /**
   * Puts another configuration in force at the gateway that serves now; resolves when every cell is decided by it. An
   * error: it is not known by which they are. `setup` is without secrets, and comes as a file, which may be large.
   */
  async configure(setup: FollowedSetup, narrowed: readonly AgentName[]): Promise<Result<void, string>> {
    const number = this.#numbers.nextAnswer()
    const file = memoryFile('configuration', Buffer.from(writeSetup({ ...setup, secrets: [] })))
    if (!file.ok) return no(`the configuration cannot be handed over: ${systemFaultText(file.reason)}`)
    const told = this.#services.tell({ kind: 'configure', number, narrowed }, [file.value])
    closeSync(file.value)
    return told.ok ? this.#services.said('answered', number, CONFIGURED_MS_MAX) : told
  }

  /**
   * Orders cells down in our own name, and tells one gateway so in this tick; resolves when it has said that the ledger
   * has it.
   */
  order(
    cells: readonly number[],
    rung: Rung,
    why: string,
    services: Services = this.#services,
  ): Promise<Result<void, string>> {
    const number = this.#numbers.nextAnswer()
    const told = services.tell({ kind: 'order', number, cells, rung, by: 'firebreak', why })
    return told.ok ? services.said('ordered', number) : Promise.resolve(told)
  }
}
