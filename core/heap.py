"""The memory that Python's allocator, glibc's, has of the system."""

import ctypes
import platform


def has_glibc() -> bool:
    """Whether this process allocates by glibc, as on most kinds of Linux."""
    return platform.libc_ver()[0] == "glibc"


def give_memory_back() -> None:
    """Give the memory back that was freed, in some milliseconds; else it is kept."""
    if has_glibc():
        ctypes.CDLL(None).malloc_trim(0)
