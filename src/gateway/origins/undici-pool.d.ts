/** The one class of undici that the path needs: all of undici takes three times as long to load. Pinned exactly. */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici'
  export default Pool
}
