"""Ways to run a command: untraced, under each engine of Sentrace, under strace(1)."""

import re
import shutil
import subprocess

UNTRACED = "untraced"
STRACE = "strace"
# Where a command may run. With "two", the tracer has one CPU and the application another.
PLACEMENTS = ["free", "one", "two"]


def tracers(options):
    """All ways that were asked for, by name: the words to put before a command."""
    sentrace = [options.sentrace, "run", "--json", "/dev/null", *policy(options)]
    if options.events:
        sentrace.append("--events")
    ways = {UNTRACED: []}
    takes_engine = "--engine" in said(options.sentrace, "run", "--help")
    for engine in options.engines:
        if takes_engine:
            ways[engine] = [*sentrace, "--engine", engine, "--"]
        elif engine == "ptrace":
            ways[engine] = [*sentrace, "--"]
        else:
            raise SystemExit(f"this sentrace has no engine {engine}")
    for name, other in options.other:
        ways[name] = [other, *sentrace[1:], "--"]
    if options.strace and shutil.which("strace"):
        calls = ",".join(f"?{call}" for call in trapped(options))
        ways[STRACE] = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"]
        ways[STRACE] += ["-e", f"trace={calls}", "-e", "signal=none", "--"]
    return ways


def placed(way, placement):
    """A way, on the CPUs of a placement."""
    if placement == "one":
        return ["taskset", "-c", "0", *way]
    if placement == "two" and way:
        return ["taskset", "-c", "0", *way, "taskset", "-c", "1"]
    if placement == "two":
        return ["taskset", "-c", "1"]
    return way


def trapped(options):
    """The names of the calls that stop, which strace is to stop at, too."""
    wanted = ["--all"] if options.events else policy(options)
    listing = said(options.sentrace, "filter", "--explain", *wanted)
    # The calls of the first ABI, each on a line that begins with its number.
    section = listing.split("\n\n")[0]
    native = re.split(r"^\S", section, maxsplit=2, flags=re.M)[1]
    return sorted(set(re.findall(r"^\s+\d+\s+(\w+)", native, flags=re.M)))


def policy(options):
    return ["--policy", options.policy] if options.policy else []


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
