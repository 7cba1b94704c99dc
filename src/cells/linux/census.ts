/** The census of the linux driver: cells as the kernel's tables and the run directories of their wardens show them. */
import type { Census } from '../census.ts'
import { aboutIn } from './abilities/about.ts'
import { runDirectories, usersOfRuns } from './launch/run-directories.ts'
import { reapOrphans } from './launch/run-directory.ts'
import { lookAtCells, notedCells, wardensIn } from './limits/census.ts'
import { CGROUP_PARENT } from './limits/cgroup.ts'
import { openCgroups } from './limits/cgroup-host.ts'

export const linuxCensus: Census = {
  runDirectories,
  users: usersOfRuns,
  look(users) {
    const cgroups = openCgroups(CGROUP_PARENT)
    const looked = users.map(({ runDirectories: places, uid }) => lookAtCells(places, cgroups, uid))
    return { cells: looked.flatMap(({ cells }) => cells), cuts: looked.flatMap(({ cut }) => cut ?? []) }
  },
  notesOf: ({ runDirectories: places, uid }, cell) => notedCells(places, cell, uid),
  noteIn: aboutIn,
  wardens: ({ runDirectories: places, uid }) => wardensIn(places, uid),
  async reap(places) {
    const cgroups = openCgroups(CGROUP_PARENT)
    return (await Promise.all(places.map((place) => reapOrphans(place, cgroups)))).flat()
  },
}
