"""What is measured: storms of one call, programs, and servers under their own benchmarks.

Every workload has a name, a unit, the programs that it needs, and `measure(wrap)`, which runs it
once behind the command line `wrap` and answers the time of one operation in that unit. A second of
CPU time of a run is `per_second` units for one operation; 0 when that is not to be known.
"""

import os
import shutil
import subprocess
import sys
import time

US, MS = 1e6, 1e3


class Failed(Exception):
    """The workload itself did not work."""


def run(command, **options):
    """Runs a command that has to succeed; answers its output and how long it took in seconds."""
    begin = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, **options)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()[-5:]
        raise Failed(f"{' '.join(command)}: status {done.returncode}\n" + "\n".join(lines))
    return done.stdout.decode(errors="replace"), seconds


class Storm:
    """One kind of call in a loop, in a program of ours."""

    unit = "us/call"

    def __init__(self, kind, threads, count):
        self.name = kind if threads == 1 else f"{kind} x{threads}"
        self.kind, self.threads, self.count = kind, threads, count
        self.needs = []

    def prepare(self, scratch, scale):
        self.program = os.path.join(scratch, "storm")
        count = max(1, int(self.count * scale))
        self.arguments = [self.kind, str(self.threads), str(count)]
        self.per_second = US / (self.threads * count)

    def measure(self, wrap):
        output, _ = run([*wrap, self.program, *self.arguments])
        calls, seconds = output.split()
        return float(seconds) / int(calls) * US


class Program:
    """A command, from its start to its end. `make` answers it, and may make files first."""

    unit = "ms"
    per_second = MS

    def __init__(self, name, needs, make):
        self.name, self.needs, self.make = name, needs, make

    def prepare(self, scratch, scale):
        self.command = self.make(scratch, scale)

    def measure(self, wrap):
        return run([*wrap, *self.command])[1] * MS


def find(_, scale):
    root = "/usr" if scale > 1 else "/usr/share"
    return ["find", root, "-xdev", "-newer", "/etc/passwd", "-name", "no such name"]


def grep(_, scale):
    root = "/usr/share" if scale > 1 else "/usr/include"
    return ["sh", "-c", f"grep -r 'no such text' {root} || [ $? = 1 ]"]


def build(scratch, scale):
    """Many small files, each a run of the compiler, as many at a time as there are CPUs."""
    place = os.path.join(scratch, "build")
    os.makedirs(place, exist_ok=True)
    for i in range(int(24 * scale)):
        with open(os.path.join(place, f"part{i}.c"), "w") as file:
            file.write(f"#include <stdio.h>\nvoid part{i}(void) {{ puts(\"{i}\"); }}\n")
    with open(os.path.join(place, "Makefile"), "w") as file:
        file.write("all: $(patsubst %.c,%.o,$(wildcard *.c))\n")
    return ["make", "-s", "-B", f"-j{os.cpu_count()}", "-C", place]


def python(_, scale):
    once = f"'{sys.executable}' -S -c 'import json, argparse, subprocess'"
    return ["sh", "-ec", f"for i in $(seq {int(5 * scale)}); do {once}; done"]


def everything():
    """All workloads, in the order in which they are measured."""
    from servers import Postgres, Redis

    return [
        Storm("open", 1, 20000),
        Storm("open", 4, 5000),
        Storm("connect", 1, 20000),
        Storm("exec", 1, 200),
        Storm("thread", 1, 2000),
        Program("find", ["find"], find),
        Program("grep -r", ["grep"], grep),
        Program("make -j", ["make", "cc"], build),
        Program("python", [], python),
        Postgres("pgbench -S", ["-S"]),
        Postgres("pgbench", []),
        Redis(),
    ]


def missing(workload):
    """The programs that a workload needs and that are not there."""
    return [name for name in workload.needs if shutil.which(name) is None]
