import { request, statusOf } from '../cell-side.ts'
import { CERTIFIED } from '../certified.ts'
import type { AttackKind } from '../kind.ts'
import { certifiedAddress, certifiedName } from '../outside.ts'

/** Origins that cannot show that they are who is meant: no byte of a request comes to them. */
export const CERTIFICATES: AttackKind = {
  name: 'certificates: expired, other names, self-signed, other authorities, weak, for other uses, old TLS',
  stops: 'chain, name, keys and use are judged before a connection is handed out (DI6, CE1 to CE3)',
  isQuick: true,
  run: async (cell) => {
    const heard: string[] = []
    // So many at once as have names of their own.
    for (let left = CERTIFIED.map(({ believed }, i) => ({ i, name: certifiedName(believed, i) })); left.length > 0; ) {
      const round = left.filter(({ name }, at) => left.findIndex((each) => each.name === name) === at)
      left = left.filter((each) => !round.includes(each))
      await cell.names(Object.fromEntries(round.map(({ name, i }) => [name, [[certifiedAddress(i)]]])))
      await cell.each(round, async ({ name, i }) => {
        const text = request('GET /ok HTTP/1.1', [`host: ${name}`, 'x: of-the-cell', 'connection: close'])
        heard[i] = await cell.send(await cell.at(name), text, 'answer')
      })
    }
    return {
      cases: CERTIFIED.length,
      reached: CERTIFIED.flatMap(({ name, isHonest }, i) => {
        const status = statusOf(heard[i] ?? '')
        return (status === 200) === isHonest ? [] : [`${isHonest ? 'control: ' : ''}${name}: ${heard[i]?.slice(0, 90)}`]
      }),
    }
  },
}
