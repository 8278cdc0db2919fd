#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""without_uring.py COMMAND...: runs it where io_uring_setup is answered EPERM."""
import ctypes
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
IO_URING_SETUP = 425  # on every architecture
EPERM = 1


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def main() -> None:
    code = b"".join(
        struct.pack("HBBI", *line)
        for line in (
            (0x20, 0, 0, 0),  # load the number of the call
            (0x15, 0, 1, IO_URING_SETUP),  # jump if equal
            (0x06, 0, 0, 0x00050000 | EPERM),  # return an error
            (0x06, 0, 0, 0x7FFF0000),  # allow
        )
    )
    memory = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // 8, ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        sys.exit(f"without_uring.py: prctl: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


main()
