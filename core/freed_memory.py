"""Memory that was freed, and that the allocator keeps for later."""

import ctypes
import platform


def has_glibc() -> bool:
    """Whether this process allocates by glibc, as on most kinds of Linux."""
    return platform.libc_ver()[0] == "glibc"


def give_memory_back() -> None:
    """Return freed memory to the system where glibc allocates: some milliseconds."""
    if has_glibc():
        ctypes.CDLL(None).malloc_trim(0)
