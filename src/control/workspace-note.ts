/** What a cell will miss of a workspace, and what would show it. */
export interface WorkspaceNote {
  readonly what: string
  readonly fix: string
}

/** Where every cell has it. */
export const WORKSPACE = '/workspace'
