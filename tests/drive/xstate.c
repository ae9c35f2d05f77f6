/* Lets user-mode-linux run on processors with AMX: it hands back as many bytes of a process's extended registers as it
 * asked for, and the kernel of the host takes all of them or none. What it never saw is in its initial state. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

long ptrace(enum __ptrace_request request, ...) {
  static long (*real)(enum __ptrace_request, ...);
  static char whole[1 << 16];
  va_list list;
  va_start(list, request);
  pid_t pid = va_arg(list, pid_t);
  void *address = va_arg(list, void *), *data = va_arg(list, void *);
  va_end(list);
  if (!real) real = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");
  struct iovec all = {whole, sizeof whole};
  if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE &&
      real(PTRACE_GETREGSET, pid, address, &all) == 0) {
    struct iovec *some = data;
    if (some->iov_len < all.iov_len) {
      memset(whole, 0, sizeof whole);
      memcpy(whole, some->iov_base, some->iov_len);
      return real(request, pid, address, &all);
    }
  }
  return real(request, pid, address, data);
}
