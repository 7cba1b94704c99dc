/** The mechanism of isolation: `full` needs root, `user` only user namespaces. Each promise says under which it holds. */
export type Profile = 'full' | 'user'
