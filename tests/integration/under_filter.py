"""Runs a command under a filter that ends the process at any system call which is not on a list, as systemd's SystemCallFilter= does.

Usage: under_filter.py LIST COMMAND...
"""
import os
import sys

import seccomp

rules = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
with open(sys.argv[1]) as names:
    for name in names.read().split():
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except (OSError, RuntimeError, ValueError):  # unknown to this machine
            pass
rules.load()
os.execvp(sys.argv[2], sys.argv[2:])
