import process from 'node:process'
import { schedule } from '../../cells/kernel/libc.ts'
import { firstNames } from '../../config/known-names.ts'
import type { Confirmation } from '../../host/stop/containment.ts'
import { orderStop } from '../../host/stop/order/order-stop.ts'
import type { StopAmiss, StopAnswer, StopFault } from '../../host/stop/order/stop-ask.ts'
import { isBelow, type PersonName, personName, RUNGS, type Rung } from '../../model/index.ts'
import { type Call, CONFIG_OPTION, configFile, EXIT, type ExitCode, type Option } from '../command.ts'
import { stateOf } from '../options/state.ts'
import { loginName } from '../person/login-name.ts'
import { plain, printable } from '../print/printable.ts'
import { column, safeLine, sentence } from '../print/safe-line.ts'
import { waitingAloud } from './waiting.ts'

export const CONTAIN_OPTIONS: Readonly<Record<string, Option>> = {
  as: {
    type: 'string',
    value: 'person',
    help: 'who orders it, as the ledger will name them (default: the login name)',
  },
  why: { type: 'string', value: 'text', help: 'the reason, for the ledger and the receipt' },
  state: { type: 'string', value: 'dir', help: 'where the runs keep their state (default: .firebreak beside it)' },
  ...CONFIG_OPTION,
}

/** Orders a stop, and prints each confirmation as it comes. */
export async function contain(call: Call, rung: Exclude<Rung, 'normal'>): Promise<ExitCode> {
  // Who has loaded every processor does not delay the order that ends it; whoever may not do this goes without.
  schedule(process.pid, 'first')
  const waiting = waitingAloud(call.print)
  const [target] = call.positionals
  const ask = {
    state: stateOf(call),
    configuration: configFile(call),
    target,
    rung,
    by: personOf(call),
    why: call.text('why') ?? 'no reason was given',
  }
  try {
    const stopped = await orderStop(ask, {
      heard: (confirmation) => {
        waiting.heard()
        call.print.line(lineOf(confirmation))
      },
      amiss: (what) => call.print.fault(amissText(what)),
      actsFor: (server, cell) =>
        call.print.line(`${server} is a server that acts for ${printable(cell)}, which is what is ordered`),
      waiting: waiting.begin,
    })
    if (stopped.ok) return tell(call, stopped.value)
    call.print.fault(...faultText(call, stopped.reason))
    return EXIT.usage
  } finally {
    waiting.over()
  }
}

function tell({ print }: Call, answer: StopAnswer): ExitCode {
  const { order, cells, confirmations, contained } = answer
  const { id, rung, target, by } = order
  print.line('')
  print.line(
    contained
      ? `${rung}: ${cells.length === 0 ? 'no cell of it runs' : cells.join(', ')}. ${receiptText(answer)}`
      : 'NOT CONTAINED: what is above without yes has not been confirmed, and may go on',
  )
  print.object({ ok: contained, order: id, rung, target, by, cells, confirmations })
  return contained ? EXIT.ok : EXIT.failed
}

function receiptText({ order: { id }, hasReceipt }: StopAnswer): string {
  return hasReceipt ? `Receipt: order ${id}` : `Order ${id}, without a receipt: no run has written one`
}

function amissText({ kind, said }: StopAmiss): string {
  if (kind === 'no-receipt') return `no receipt could be written: ${plain(said, 1)}`
  return kind === 'receipt-lacks' ? `the receipt is not whole: ${plain(said, 1)}` : plain(said, 1)
}

/** Tells a person why nobody was stopped, and how to say whom they mean. */
function faultText(call: Call, fault: StopFault): readonly [string, string] {
  switch (fault.kind) {
    case 'no-state': {
      const named = fault.states.map((each) => `--state ${printable(each)}`).join(', or ')
      return [
        `nobody was stopped: ${printable(fault.problem)}`,
        named === '' ? 'no cell of ours runs' : `name ${named}`,
      ]
    }
    case 'several': {
      const name = printable(fault.name)
      return [
        `nobody was stopped: ${name} is the name of an ${fault.kinds.join(', and of an ')}`,
        `say which: ${fault.kinds.map((kind) => `${kind}:${name}`).join(', or ')}; or all`,
      ]
    }
    case 'no-configuration':
      return [`${configFile(call)} cannot be read: contain all, or a cell`, 'firebreak policy validate tells why']
    case 'unknown':
      return [
        fault.name === undefined ? 'contain whom?' : `there is nothing called ${printable(fault.name)}`,
        `agents: ${firstNames(fault.agents)}; or a cell, an owner, an environment, all`,
      ]
    case 'no-cell':
      return [`no cell ${fault.cell} runs here`, 'firebreak ps lists those that do']
    case 'persons-server':
      return [
        `nobody was stopped: ${fault.cell} acts on a person’s word, and on no agent’s`,
        'end the command that it serves',
      ]
    case 'shared-server': {
      const names = fault.served.map(({ cell, agent }) => `${cell} (${printable(agent ?? '')})`)
      return [
        `nobody was stopped: ${fault.cell} is a server that several share`,
        `name ${[...names, 'all'].join(', or ')}`,
      ]
    }
  }
}

export function lineOf({ point, confirmed, said, afterMs, escalated }: Confirmation): string {
  const mark = confirmed ? safeLine`yes` : safeLine`NO `
  const took = sentence(`${afterMs.toFixed(1)} ms${escalated ? ', ended harder' : ''}`)
  return safeLine`${mark}  ${column(sentence(point), 34)} ${sentence(said)} (${took})`.text
}

/** Returns the person who orders it, as the ledger will name them. */
function personOf(call: Call): PersonName {
  return personName(call.text('as') ?? loginName())
}

/** A rung that a person may name. */
export function rungIn(text: string | undefined, above: Rung): Rung | undefined {
  return RUNGS.find((rung) => rung === text && isBelow(rung, above))
}
