"""Servers that run behind a tracer while a client that nobody traces measures them."""

import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

from workloads import US, Failed, run

# Seconds for a server to answer, and to end.
PATIENCE = 30


class Server:
    """A server that listens at a Unix socket."""

    # Its client's CPU time would count, too.
    per_second = 0

    def measure(self, wrap):
        return self.serve(wrap, self.ask)

    def serve(self, wrap, ask):
        """Starts the server, calls `ask`, ends the server; answers what `ask` did."""
        with open(os.path.join(self.place, "log"), "ab") as log:
            server = subprocess.Popen(
                [*wrap, *self.server], stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.user
            )
        try:
            pid = self.wait_until_it_answers(server)
            answer = ask()
            os.kill(pid, signal.SIGINT)
            server.wait(PATIENCE)
            return answer
        except subprocess.TimeoutExpired:
            raise Failed("the server does not end") from None
        finally:
            server.kill()
            server.wait()

    def wait_until_it_answers(self, server):
        """The pid of the server itself: some tracers keep signals from it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and server.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(self.socket)
                    peer = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                    if self.is_ready():
                        return struct.unpack("3i", peer)[0]
                except OSError:
                    pass
            time.sleep(0.05)
        with open(os.path.join(self.place, "log"), errors="replace") as log:
            raise Failed("the server does not answer: " + log.read()[-500:])

    def is_ready(self):
        """Whether a server that listens can be asked."""
        return True


class Postgres(Server):
    """pgbench against a server of its own, which must not run as root."""

    unit = "us/transaction"
    needs = ["initdb", "postgres", "pgbench", "pg_isready"]

    def __init__(self, name, options):
        self.name, self.options = name, options

    def prepare(self, scratch, scale):
        self.place = os.path.join(scratch, "postgres")
        self.user = unprivileged("postgres")
        self.socket = os.path.join(self.place, ".s.PGSQL.5432")
        self.seconds = max(1, int(2 * scale))
        data = os.path.join(self.place, "data")
        postgres = shutil.which("postgres")
        self.server = [postgres, "-D", data, "-k", self.place, "-c", "listen_addresses="]
        if os.path.exists(self.place):
            return
        os.mkdir(self.place)
        if self.user:
            os.chown(self.place, self.user["user"], self.user["group"])
        command = [shutil.which("initdb"), "-D", data, "-U", "bench", "-A", "trust", "-N"]
        run(command, cwd=self.place, **self.user)
        self.serve([], lambda: self.client("-i", "-q", "-s", "1"))

    def is_ready(self):
        command = ["pg_isready", "-q", "-h", self.place]
        return subprocess.run(command, stdin=subprocess.DEVNULL, **self.user).returncode == 0

    def client(self, *options):
        command = [shutil.which("pgbench"), "-h", self.place, "-U", "bench", *options, "postgres"]
        return run(command, cwd=self.place, **self.user)[0]

    def ask(self):
        output = self.client("-n", "-c", "1", "-T", str(self.seconds), *self.options)
        found = re.search(r"tps = ([0-9.]+) \(without initial", output)
        found = found or re.search(r"tps = ([0-9.]+)", output)
        return US / float(found.group(1))


class Redis(Server):
    """redis-benchmark without pipelining."""

    name = "redis P=1"
    unit = "us/request"
    needs = ["redis-server", "redis-benchmark"]

    def prepare(self, scratch, scale):
        self.place = os.path.join(scratch, "redis")
        os.makedirs(self.place, exist_ok=True)
        self.user = {}
        self.socket = os.path.join(self.place, "socket")
        options = {"port": "0", "unixsocket": self.socket, "save": "", "dir": self.place}
        self.server = ["redis-server"]
        for name, value in options.items():
            self.server += [f"--{name}", value]
        self.requests = int(20000 * scale)

    def ask(self):
        command = ["redis-benchmark", "-s", self.socket, "-P", "1", "-c", "4", "-t", "get"]
        output, _ = run([*command, "-n", str(self.requests), "--csv"])
        rate = output.strip().splitlines()[-1].split(",")[1].strip('"')
        return US / float(rate)


def unprivileged(name):
    """Options to run as this user or nobody, when we are root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
