/** errno(3); the same on x86-64 and arm64. */
export const ERRNO = {
  EPERM: 1,
  ENOMEM: 12,
  ENODEV: 19,
  EINVAL: 22,
  ENOSYS: 38,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
} as const
