/**
 * The system calls that a cell may make, and why: the published table. docs/SECCOMP.md is generated from it. Default
 * deny: what stands nowhere here, a call that a later kernel will add included, answers ENOSYS, so that programs take
 * their way around it.
 *
 * Every argument a cell passes is under its control, and every value is compared on the bits that the kernel looks at:
 * of an `int` argument the low 32, so that a high bit can hide nothing.
 *
 * It is long because the kernel has some four hundred calls, and each stands in one group with its reason.
 */
import { ERRNO } from './errno.ts'

export type SeccompAction =
  | { readonly kind: 'allow' }
  /** The call does not happen; the program reads this errno. 0 reads as success. */
  | { readonly kind: 'errno'; readonly errno: number }
  | { readonly kind: 'kill' }

/** Holds of one argument. All but `nonzero` look at its low 32 bits. */
export type Test =
  | { readonly arg: number; readonly in: readonly number[] }
  | { readonly arg: number; readonly mask: number; readonly in: readonly number[] }
  /** A pointer: all 64 bits. */
  | { readonly arg: number; readonly nonzero: true }

/** Takes effect when all tests hold; the first clause that does decides. */
export interface Clause {
  readonly when: readonly Test[]
  readonly do: SeccompAction
  readonly reads: string
}

export interface SeccompRule {
  readonly clauses: readonly Clause[]
  readonly otherwise: SeccompAction
}

export interface Group {
  readonly title: string
  /** Reason for the verdict, in one or two sentences for the person who asks whether their program will run. */
  readonly why: string
  readonly rule: SeccompRule
  readonly names: readonly string[]
}

const allow: SeccompAction = { kind: 'allow' }
const errno = (name: keyof typeof ERRNO): SeccompAction => ({ kind: 'errno', errno: ERRNO[name] })
/** Answers a call with success, and does nothing. */
const done: SeccompAction = { kind: 'errno', errno: 0 }
const always = (action: SeccompAction): SeccompRule => ({ clauses: [], otherwise: action })
const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. clone(2) ignores NEWTIME, which only clone3 takes. */
const CLONE_NAMESPACES = 0x7e02_0000
const [CLONE_FILES, CLONE_THREAD] = [0x400, 0x1_0000]
/** F_SETUID bit of a mode. */
const S_ISUID = 0o4000
const [S_IFMT, S_IFCHR, S_IFBLK] = [0o170000, 0o020000, 0o060000]
const [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] = [1, 2, 10, 16]
const [SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET] = [1, 2, 3, 5]
const NETLINK_ROUTE = 0
const [SOL_IP, SOL_SOCKET, SOL_TCP, SOL_IPV6] = [0, 1, 6, 41]
const RLIMIT_CORE = 4
const [MAP_HUGETLB, MFD_HUGETLB, SHM_HUGETLB] = [0x4_0000, 0x4, 0o4000]
const [MADV_MERGEABLE, MADV_HWPOISON, MADV_SOFT_OFFLINE] = [12, 100, 101]
const MSG_OOB = 1

const noSetuid = (modeArgument: number): SeccompRule => ({
  clauses: [
    {
      when: [{ arg: modeArgument, mask: S_ISUID, in: [S_ISUID] }],
      do: errno('EPERM'),
      reads: 'a mode with set-user-ID',
    },
  ],
  otherwise: allow,
})

const noDevice = (modeArgument: number): SeccompRule => ({
  clauses: [
    { when: [{ arg: modeArgument, mask: S_IFMT, in: [S_IFCHR, S_IFBLK] }], do: errno('EPERM'), reads: 'a device' },
    {
      when: [{ arg: modeArgument, mask: S_ISUID, in: [S_ISUID] }],
      do: errno('EPERM'),
      reads: 'a mode with set-user-ID',
    },
  ],
  otherwise: allow,
})

/**
 * Refuses huge pages with the answer of a host that has none, which each of these calls says in its own way: programs
 * probe with them.
 */
const noHugePages = (flagsArgument: number, flag: number, answer: keyof typeof ERRNO): SeccompRule => ({
  clauses: [
    { when: [{ arg: flagsArgument, mask: flag, in: [flag] }], do: errno(answer), reads: 'pages set aside as huge' },
  ],
  otherwise: allow,
})

const noUrgentByte = (flagsArgument: number): SeccompRule => ({
  clauses: [
    { when: [{ arg: flagsArgument, mask: MSG_OOB, in: [MSG_OOB] }], do: errno('EOPNOTSUPP'), reads: 'an urgent byte' },
  ],
  otherwise: allow,
})

export const TABLE: readonly Group[] = [
  {
    title: 'Reading and writing',
    why: 'What every program does with the files, pipes and sockets it already has.',
    rule: always(allow),
    names: words(`
      read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3 pipe
      pipe2 fcntl flock fsync fdatasync sync_file_range fallocate ftruncate truncate fadvise64 readahead sendfile splice
      tee copy_file_range poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
      epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime cachestat`),
  },
  {
    title: 'Files and directories',
    why: 'Names, attributes and owners. What they can reach is the root of the cell; who may is the cell uid without capabilities.',
    rule: always(allow),
    names: words(`
      open openat openat2 creat stat fstat lstat newfstatat statx access faccessat faccessat2 statfs fstatfs getdents
      getdents64 getcwd chdir fchdir rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat symlink
      symlinkat readlink readlinkat chown fchown lchown fchownat umask utime utimes futimesat utimensat setxattr lsetxattr
      fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
      setxattrat getxattrat listxattrat removexattrat inotify_init inotify_init1 inotify_add_watch inotify_rm_watch`),
  },
  {
    title: 'Modes',
    why: 'Giving a file the set-user-ID bit is refused. It would do nothing in a cell (nosuid, no_new_privs); one that was opened into being with the bit, where no filter can look, is never landed.',
    rule: noSetuid(1),
    names: words('chmod fchmod'),
  },
  {
    title: 'Modes, at a directory',
    why: 'As above; the mode is the third argument.',
    rule: noSetuid(2),
    names: words('fchmodat fchmodat2'),
  },
  {
    title: 'Nodes',
    why: 'Plain files, FIFOs and sockets may be made; devices need a capability that no cell has, and are refused here as well.',
    rule: noDevice(1),
    names: words('mknod'),
  },
  {
    title: 'Nodes, at a directory',
    why: 'As above; the mode is the third argument.',
    rule: noDevice(2),
    names: words('mknodat'),
  },
  {
    title: 'Memory',
    why: 'Its own address space. What it may fill is the cgroup limit.',
    rule: always(allow),
    names: words(`
      munmap mprotect mremap msync mincore brk mlock mlock2 munlock mlockall munlockall membarrier mseal pkey_mprotect
      pkey_alloc pkey_free map_shadow_stack shmat shmdt shmctl`),
  },
  {
    title: 'Memory in huge pages',
    why: 'The pages that a host has set aside for somebody else, a database for one, stand outside the cgroup limit. Transparent ones are not meant: those are counted.',
    rule: noHugePages(3, MAP_HUGETLB, 'ENOMEM'),
    names: words('mmap'),
  },
  {
    title: 'Memory in huge pages, as a file',
    why: 'As above. Browsers ask with all flags at once and expect EINVAL.',
    rule: noHugePages(1, MFD_HUGETLB, 'EINVAL'),
    names: words('memfd_create'),
  },
  {
    title: 'Memory in huge pages, shared',
    why: 'As above.',
    rule: noHugePages(2, SHM_HUGETLB, 'EPERM'),
    names: words('shmget'),
  },
  {
    title: 'Advice about memory',
    why: 'Allowed, but for merging equal pages with those of others (KSM), which tells by its timing what others have in memory, and for poisoning.',
    rule: {
      clauses: [
        {
          when: [{ arg: 2, in: [MADV_MERGEABLE, MADV_HWPOISON, MADV_SOFT_OFFLINE] }],
          do: errno('EINVAL'),
          reads: 'MERGEABLE, HWPOISON, SOFT_OFFLINE',
        },
      ],
      otherwise: allow,
    },
    names: words('madvise'),
  },
  {
    title: 'Processes and signals',
    why: 'Only its own pid namespace can be named. How many is the cgroup limit.',
    rule: always(allow),
    names: words(`
      fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigreturn
      rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend sigaltstack pause getpid getppid gettid
      getpgid getpgrp setpgid getsid setsid set_tid_address set_robust_list get_robust_list futex futex_waitv futex_wake
      futex_wait futex_requeue rseq restart_syscall arch_prctl pidfd_open pidfd_send_signal getrusage times`),
  },
  {
    title: 'clone',
    why: 'Threads and processes, but no namespaces: a new user namespace would give capabilities inside it, and with them most of the kernel. Threads share descriptors, as C libraries make them: so the open files of a cell can be counted by its processes.',
    rule: {
      // Allowed only with none of the bits set: a mask of one value.
      clauses: [
        {
          when: [{ arg: 0, mask: CLONE_THREAD | CLONE_FILES, in: [CLONE_THREAD] }],
          do: errno('EINVAL'),
          reads: 'a thread with descriptors of its own',
        },
        { when: [{ arg: 0, mask: CLONE_NAMESPACES, in: [0] }], do: allow, reads: 'no CLONE_NEW… flag' },
      ],
      otherwise: errno('EPERM'),
    },
    names: words('clone'),
  },
  {
    title: 'clone3',
    why: 'Its flags are behind a pointer, where no filter can look; C libraries fall back to clone.',
    rule: always(errno('ENOSYS')),
    names: words('clone3'),
  },
  {
    title: 'Identity',
    why: 'Only one uid and one gid exist in a cell, and no capability to become another.',
    rule: always(allow),
    names: words(`
      getuid geteuid getgid getegid getgroups getresuid getresgid setuid setgid setreuid setregid setresuid setresgid
      setgroups setfsuid setfsgid capget capset`),
  },
  {
    title: 'Scheduling and limits',
    why: 'Of its own processes. Real-time priority is limited to none, and raising a hard limit needs a capability.',
    rule: always(allow),
    names: words(`
      sched_yield sched_setaffinity sched_getaffinity sched_setparam sched_getparam sched_setscheduler sched_getscheduler
      sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setattr sched_getattr getpriority
      setpriority ioprio_get ioprio_set getrlimit getcpu`),
  },
  {
    title: 'Changing limits of another process',
    why: 'Allowed, but for the core limit: at 1 it keeps a crash from starting the host’s core handler, which runs as root; at 0 that handler would run. No core is written at 1, either, which is what programs that keep secrets (gpg, ssh-agent) ask for, and they end where they are refused it.',
    rule: {
      clauses: [
        {
          when: [
            { arg: 1, in: [RLIMIT_CORE] },
            { arg: 2, nonzero: true },
          ],
          do: done,
          reads: 'a new core limit',
        },
      ],
      otherwise: allow,
    },
    names: words('prlimit64'),
  },
  {
    title: 'Changing its own limits',
    why: 'As above.',
    rule: {
      clauses: [{ when: [{ arg: 0, in: [RLIMIT_CORE] }], do: done, reads: 'the core limit' }],
      otherwise: allow,
    },
    names: words('setrlimit'),
  },
  {
    title: 'Time and identity of the machine',
    why: 'Reading clocks, and a host name and memory size that say little.',
    rule: always(allow),
    names: words(`
      clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getitimer setitimer alarm timer_create
      timer_settime timer_gettime timer_getoverrun timer_delete uname sysinfo getrandom`),
  },
  {
    title: 'sockets',
    why: 'Unix, IPv4 and IPv6, stream, datagram and packet types, TCP and UDP; and of netlink what lists the interfaces and addresses of the cell’s own network (os.networkInterfaces, getifaddrs): it has no capability there, so it can ask and change nothing. Every other family, raw sockets and the rarer transports are kernel code a cell has no use for; only its loopback is there anyway.',
    rule: {
      clauses: [
        {
          when: [
            { arg: 0, in: [AF_UNIX] },
            { arg: 1, mask: 0xf, in: [SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET] },
          ],
          do: allow,
          reads: 'AF_UNIX stream, datagram (which raw means, too), packet',
        },
        {
          when: [
            { arg: 0, in: [AF_NETLINK] },
            { arg: 1, mask: 0xf, in: [SOCK_DGRAM, SOCK_RAW] },
            { arg: 2, in: [NETLINK_ROUTE] },
          ],
          do: allow,
          reads: 'AF_NETLINK, NETLINK_ROUTE',
        },
        {
          when: [{ arg: 0, in: [AF_NETLINK] }],
          do: errno('EPROTONOSUPPORT'),
          reads: 'any other netlink, as where the kernel does not have it',
        },
        {
          when: [
            { arg: 0, in: [AF_INET, AF_INET6] },
            { arg: 1, mask: 0xf, in: [SOCK_STREAM, SOCK_DGRAM] },
            // 0 is the type's own; 6 TCP; 17 UDP.
            { arg: 2, in: [0, 6, 17] },
          ],
          do: allow,
          reads: 'AF_INET and AF_INET6, TCP and UDP',
        },
        {
          when: [
            { arg: 0, in: [AF_INET, AF_INET6] },
            { arg: 1, mask: 0xf, in: [SOCK_RAW] },
          ],
          do: errno('EPERM'),
          reads: 'raw, as without the capability for it',
        },
        {
          when: [{ arg: 0, in: [AF_INET, AF_INET6] }],
          do: errno('EPROTONOSUPPORT'),
          reads: 'any other type or protocol of these, so that programs fall back to TCP',
        },
      ],
      otherwise: errno('EAFNOSUPPORT'),
    },
    names: words('socket'),
  },
  {
    title: 'socketpair',
    why: 'Unix only.',
    rule: {
      clauses: [
        { when: [{ arg: 0, in: [AF_UNIX] }], do: allow, reads: 'AF_UNIX' },
        { when: [{ arg: 0, in: [AF_INET, AF_INET6] }], do: errno('EOPNOTSUPP'), reads: 'AF_INET and AF_INET6' },
      ],
      otherwise: errno('EAFNOSUPPORT'),
    },
    names: words('socketpair'),
  },
  {
    title: 'setsockopt',
    why: 'Refused are those that load programs into the kernel (SO_ATTACH_FILTER, SO_ATTACH_BPF and the reuseport ones), TCP_ULP, which puts TLS into it, and those by which a socket takes memory of the kernel that no cgroup counts: groups that it joins, keys that it is given, and its queue of errors and time stamps. Errors of a connected socket are told without that queue.',
    rule: {
      clauses: [
        {
          when: [
            { arg: 1, in: [SOL_SOCKET] },
            // SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF and _EBPF.
            { arg: 2, in: [26, 50, 51, 52] },
          ],
          do: errno('EPERM'),
          reads: 'a socket filter',
        },
        {
          when: [
            { arg: 1, in: [SOL_SOCKET] },
            // SO_TIMESTAMPING, old and new, SO_ZEROCOPY.
            { arg: 2, in: [37, 65, 60] },
          ],
          do: errno('EOPNOTSUPP'),
          reads: 'time stamps of what was sent, sending without a copy',
        },
        {
          when: [
            { arg: 1, in: [SOL_TCP] },
            // TCP_ULP, TCP_MD5SIG, TCP_MD5SIG_EXT, TCP_AO_ADD_KEY.
            { arg: 2, in: [31, 14, 32, 38] },
          ],
          do: errno('ENOPROTOOPT'),
          reads: 'TCP_ULP, TCP_MD5SIG, TCP_AO',
        },
        {
          when: [
            { arg: 1, in: [SOL_IP] },
            // IP_ADD_MEMBERSHIP, IP_BLOCK_SOURCE, IP_ADD_SOURCE_MEMBERSHIP, IP_MSFILTER, MCAST_JOIN_GROUP, MCAST_BLOCK_SOURCE,
            // MCAST_JOIN_SOURCE_GROUP, MCAST_MSFILTER.
            { arg: 2, in: [35, 38, 39, 41, 42, 43, 46, 48] },
          ],
          do: errno('ENODEV'),
          reads: 'joining a group, as where no interface takes part in one',
        },
        {
          when: [
            { arg: 1, in: [SOL_IPV6] },
            // IPV6_JOIN_GROUP, IPV6_JOIN_ANYCAST, and as above.
            { arg: 2, in: [20, 27, 42, 43, 46, 48] },
          ],
          do: errno('ENODEV'),
          reads: 'joining a group, version 6',
        },
        {
          // IPV6_FLOWLABEL_MGR: labels are counted for the whole host.
          when: [
            { arg: 1, in: [SOL_IPV6] },
            { arg: 2, in: [32] },
          ],
          do: errno('ENOPROTOOPT'),
          reads: 'flow labels, of which the host has one number for all',
        },
        {
          when: [
            { arg: 1, in: [SOL_IP] },
            // IP_RECVERR, IP_RECVERR_RFC4884.
            { arg: 2, in: [11, 26] },
          ],
          do: done,
          reads: 'the queue of errors',
        },
        {
          when: [
            { arg: 1, in: [SOL_IPV6] },
            // IPV6_RECVERR, IPV6_RECVERR_RFC4884.
            { arg: 2, in: [25, 31] },
          ],
          do: done,
          reads: 'the queue of errors, version 6',
        },
      ],
      otherwise: allow,
    },
    names: words('setsockopt'),
  },
  {
    title: 'Using sockets',
    why: 'Whatever family it has, it got by the rules above.',
    rule: always(allow),
    names: words(`
      connect accept accept4 bind listen shutdown recvfrom recvmsg recvmmsg getsockname getpeername getsockopt`),
  },
  {
    title: 'Sending',
    why: 'All but urgent bytes: hardly a program sends one, and their code for Unix sockets has been a way into the kernel (CVE-2025-38236).',
    rule: noUrgentByte(3),
    names: words('sendto sendmmsg'),
  },
  {
    title: 'Sending a message',
    why: 'As above; the flags are the third argument.',
    rule: noUrgentByte(2),
    names: words('sendmsg'),
  },
  {
    title: 'ioctl',
    why: 'Too many to list what is allowed; refused are those that reach past the cell: TIOCSTI types into a terminal, TIOCLINUX pastes into one, TIOCSETD and TIOCCONS change what it is connected to.',
    rule: {
      clauses: [
        {
          when: [{ arg: 1, in: [0x5412, 0x541c, 0x5423, 0x541d] }],
          do: errno('EPERM'),
          reads: 'TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS',
        },
      ],
      otherwise: allow,
    },
    names: words('ioctl'),
  },
  {
    title: 'prctl',
    why: 'The harmless options by name. Missing on purpose: PR_SET_MM, PR_SET_SPECULATION_CTRL, PR_SET_MEMORY_MERGE, PR_SCHED_CORE, PR_SET_SYSCALL_USER_DISPATCH, PR_SET_PTRACER.',
    rule: {
      clauses: [
        {
          when: [
            {
              arg: 0,
              in: [
                1, 2, 3, 4, 7, 15, 16, 21, 22, 23, 27, 29, 30, 36, 37, 38, 39, 40, 41, 42, 47, 50, 51, 52, 54, 55, 56,
                65, 66, 0x4155_5856, 0x5356_4d41,
              ],
            },
          ],
          do: allow,
          reads:
            'PDEATHSIG, DUMPABLE, KEEPCAPS (get), NAME, SECCOMP, CAPBSET_READ, SECUREBITS (get), TIMERSLACK, CHILD_SUBREAPER, NO_NEW_PRIVS, TID_ADDRESS, THP, CAP_AMBIENT, SVE, speculation (get), PAC, TAGGED_ADDR, MDWE, AUXV, VMA names',
        },
      ],
      otherwise: errno('EINVAL'),
    },
    names: words('prctl'),
  },
  {
    title: 'personality',
    why: 'Asking, and the default; others switch off address randomisation or make old, rarely tested paths reachable.',
    rule: {
      clauses: [{ when: [{ arg: 0, in: [0, 0xffff_ffff] }], do: allow, reads: '0 and 0xffffffff' }],
      otherwise: errno('EPERM'),
    },
    names: words('personality'),
  },
  {
    title: 'Confining itself',
    why: 'Filters and Landlock rules only ever take away; agents confine their own tools with them.',
    rule: always(allow),
    names: words('seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self'),
  },
  {
    title: 'System V and POSIX queues and semaphores',
    why: 'In an ipc namespace of its own.',
    rule: always(allow),
    names: words(
      'semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr',
    ),
  },
  {
    title: 'sync and syncfs',
    why: 'Answered with success and not done: they would flush the host’s disks on a cell’s word. A cell’s changes become durable when they are landed.',
    rule: always(done),
    names: words('sync syncfs'),
  },
  {
    title: 'Namespaces',
    why: 'A cell stays in the ones it was given.',
    rule: always(errno('EPERM')),
    names: words('unshare setns'),
  },
  {
    title: 'Mounts and roots',
    why: 'Both the old interface and the new.',
    rule: always(errno('EPERM')),
    names: words(`
      mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr
      swapon swapoff quotactl quotactl_fd`),
  },
  {
    title: 'Other processes’ memory and descriptors',
    why: 'Debuggers do not run in a cell, and their interfaces have been ways into the kernel. No wall between the processes of one cell: all have one uid, and /proc shows the memory of each to the others.',
    rule: always(errno('EPERM')),
    names: words('ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd'),
  },
  {
    title: 'Files by handle',
    why: 'A handle opens a file without the path to it: the way out of a container called Shocker.',
    rule: always(errno('EPERM')),
    names: words('open_by_handle_at name_to_handle_at fanotify_init fanotify_mark'),
  },
  {
    title: 'Programs and counters in the kernel',
    why: 'bpf and perf have been the richest sources of privilege escalation; userfaultfd makes races in others winnable.',
    rule: always(errno('EPERM')),
    names: words('bpf perf_event_open userfaultfd lookup_dcookie'),
  },
  {
    title: 'Asynchronous I/O',
    why: 'io_uring does what it is told past this filter; the older interface draws on a number shared by the whole host. Programs fall back.',
    rule: always(errno('ENOSYS')),
    names: words(
      'io_uring_setup io_uring_enter io_uring_register io_setup io_destroy io_getevents io_pgetevents io_submit io_cancel',
    ),
  },
  {
    title: 'Keys',
    why: 'Keyrings are not in a namespace of their own.',
    rule: always(errno('EPERM')),
    names: words('add_key request_key keyctl'),
  },
  {
    title: 'The machine itself',
    why: 'Modules, other kernels, the clock, the host name, the log, ports, accounting.',
    rule: always(errno('EPERM')),
    names: words(`
      init_module finit_module delete_module create_module kexec_load kexec_file_load reboot settimeofday clock_settime
      clock_adjtime adjtimex sethostname setdomainname syslog acct vhangup iopl ioperm lsm_set_self_attr`),
  },
  {
    title: 'Placement in memory of the machine',
    why: 'Moves pages between nodes and says where they are; useful to side channels, not to agents. Answered as by a kernel that knows one node only.',
    rule: always(errno('ENOSYS')),
    names: words('mbind set_mempolicy get_mempolicy migrate_pages move_pages set_mempolicy_home_node'),
  },
  {
    title: 'Rare, old, or gone',
    why: 'Answered as if the kernel did not have them. vmsplice makes races in others winnable; statmount and listmount ask about mounts by id.',
    rule: always(errno('ENOSYS')),
    names: words(`
      uselib ustat sysfs _sysctl modify_ldt get_kernel_syms query_module nfsservctl getpmsg putpmsg afs_syscall tuxcall
      security set_thread_area get_thread_area epoll_ctl_old epoll_wait_old remap_file_pages vserver memfd_secret
      lsm_get_self_attr lsm_list_modules file_getattr file_setattr vmsplice statmount listmount`),
  },
]

/** Verdict on a call that no group names, later kernels' calls included. */
export const UNKNOWN: SeccompAction = errno('ENOSYS')
