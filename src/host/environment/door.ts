import type { FilesDesk } from '../files/files-desk.ts'
import type { AnswerBox } from '../people/answers.ts'
import type { ControlReply, ControlRequest } from '../people/control-request.ts'
import { NOT_HELD, NOT_MINE } from '../people/control-socket.ts'
import type { UndosUnderWay } from '../people/undos-under-way.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { Orders } from './orders.ts'
import { releaseAgent } from './release.ts'

export interface DoorParts {
  readonly ground: EnvironmentGround
  readonly orders: Orders
  readonly undos: UndosUnderWay
  readonly files: FilesDesk
  readonly answers: AnswerBox
  /** Tells whether the environment is being closed. */
  readonly isClosing: () => boolean
}

/**
 * Follows one request that came through the control socket of an environment. Of one that is being closed, stops are
 * carried out until nothing of it runs, and it tells what does; whoever asks for anything else hears that nobody is there.
 */
export async function followRequest(
  { ground, orders, undos, files, answers, isClosing }: DoorParts,
  request: ControlRequest,
  reply: (reply: ControlReply) => void,
  isGivenUp: () => boolean,
): Promise<void> {
  if (isClosing() && request.kind !== 'contain' && request.kind !== 'cells')
    return reply({ kind: 'done', ok: false, said: request.kind === 'files' ? NOT_HELD : NOT_MINE })
  switch (request.kind) {
    case 'cells': {
      const cells = ground.cells.all().map(([, { cell, agent, rung, sinceMs }]) => {
        const { name, environment, owner } = agent
        return { cell: cell.id, agent: name, environment, owner, rung, sinceMs }
      })
      return reply({ kind: 'done', ok: true, said: `${cells.length} cells`, cells })
    }
    case 'files':
      return reply({ kind: 'done', ...(await files.follow(request.ask)) })
    case 'release': {
      if (request.environment !== ground.environment) return reply({ kind: 'done', ok: false, said: NOT_MINE })
      const released = await releaseAgent(ground, request, isGivenUp)
      return reply({ kind: 'done', ok: released.ok, said: released.ok ? IN_LEDGER : released.reason })
    }
    case 'undo': {
      if (request.order.environment !== ground.environment) return reply({ kind: 'done', ok: false, said: NOT_MINE })
      const done = await undos.undo(request.order)
      return reply({ kind: 'done', ok: done.ok, said: done.ok ? IN_LEDGER : done.reason })
    }
    case 'answers': {
      if (request.environment !== ground.environment) return reply({ kind: 'done', ok: false, said: NOT_MINE })
      await answers.look()
      const { mailbox } = ground.state
      const isLeft = (await mailbox.get(request.hold)) !== undefined
      const isTaken = !isLeft && !(await mailbox.wasRefused(request.hold))
      return reply({ kind: 'done', ok: isTaken, said: isTaken ? IN_LEDGER : 'the gateway did not take it' })
    }
    case 'contain': {
      const receipt = await orders.contain(request.order, {
        confirmation: (confirmation) => reply({ kind: 'confirmation', confirmation }),
        recording: () => reply({ kind: 'recording' }),
      })
      const said = `${receipt.cells.length} cells`
      return reply({ kind: 'done', ok: receipt.contained, said, receipt, environment: ground.environment })
    }
    default:
      return reply({ kind: 'done', ok: false, said: 'nothing was done: what is asked is not known here' })
  }
}

const IN_LEDGER = 'the ledger has it'
