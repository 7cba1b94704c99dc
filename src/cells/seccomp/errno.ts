/** errno(3); the same on x86-64 and arm64. */
export const ERRNO = {
  EPERM: 1,
  EINVAL: 22,
  ENOSYS: 38,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EAFNOSUPPORT: 97,
} as const
