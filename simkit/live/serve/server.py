"""Listening as configured, and serving until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import signal
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from simkit.errors import InputError
from simkit.live.listening import has_ipv6
from simkit.live.serve.connection import Connection, Port
from simkit.live.serve.deciding import Decider
from simkit.live.serve.disk import Disk
from simkit.live.serve.exchange import Shared
from simkit.live.serve.journal import AccessLogs, Files, Journal
from simkit.live.serve.proxy import Proxy
from simkit.live.serve.record import Peer
from simkit.live.serve.secure import Certificates
from simkit.live.serve.stream import Plain
from simkit.live.serve.wiring import Wiring
from simkit.policy.servers import Group
from simkit.wire import Shape, address

__all__ = ["Listening", "Options", "Server"]

_BACKLOG = 511
_LOOPBACK = {False: "127.0.0.1", True: "::1"}
_FIRST_FREE_PORT = 1024
_RESET = struct.pack("ii", 1, 0)
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True)
class Options:
    """How to serve, besides what the configuration says.

    ``hosts`` are addresses to listen on in place of loopback, ``ports`` maps configured ports to
    real ones (0: any that is free). ``makes_certificates`` lets self-signed ones stand in for
    those that are not there.
    """

    hosts: tuple[str, ...] = ()
    ports: Mapping[int, int] = field(default_factory=dict)
    makes_certificates: bool = False


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket: the configured port it stands for, and where it really listens."""

    configured_port: int
    host: str
    port: int
    tls: bool
    http2: bool


class Server:
    """A configuration on real sockets. Use it in a ``with`` statement, then `serve`.

    Raises InputError where something that the configuration names cannot be used.
    """

    def __init__(self, wiring: Wiring, options: Options) -> None:
        self._wiring = wiring
        self._options = options
        self._policy = wiring.policy
        self._stack = contextlib.ExitStack()
        self._sockets: list[tuple[socket.socket, Port]] = []
        self._connections: set[Connection] = set()
        self._serials = itertools.count(1)
        self._files = Files()
        self.journal = Journal(wiring, self._files)
        self.decider = Decider(
            self._policy, Disk(wiring.prefix, wiring.policy.path.parent.resolve())
        )
        logs = AccessLogs(wiring, self._files, self._policy.http)
        self._shared = Shared(self.decider, Proxy(wiring), self.journal, logs.write)
        self._logs = logs
        self.listening: tuple[Listening, ...] = ()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self._files.close)
            self._logs.check()
            self.journal.check()
            made = None
            if self._options.makes_certificates:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="simkit-tls-"))
                made = Path(folder)
            certificates = Certificates(self._wiring, made)
            self.listening = tuple(self._listen(certificates, stack))
            self._shared.ports = {
                one.configured_port: one.port
                for one in self.listening
                if one.port != one.configured_port
            }
            self._write_pid(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # -- listening --------------------------------------------------------------------------------

    def _listen(
        self, certificates: Certificates, stack: contextlib.ExitStack
    ) -> Iterator[Listening]:
        groups = self._policy.groups
        unknown = set(self._options.ports) - {port for port, _ in groups}
        if unknown:
            raise InputError(
                f"--port {min(unknown)}=… names a port that nothing listens on",
                file=self._policy.path,
            )
        for (port, ipv6), group in sorted(groups.items(), key=lambda item: item[0]):
            if ipv6 and not has_ipv6():
                self.journal.say("warn", f"port {port}: this machine has no IPv6")
                continue
            door = self._port(port, group, certificates, ipv6=ipv6)
            for host in self._hosts(ipv6=ipv6):
                sock = stack.enter_context(self._bind(host, port, group, ipv6=ipv6))
                self._sockets.append((sock, door))
                real = int(sock.getsockname()[1])
                listen = group.listen
                yield Listening(port, host, real, listen.tls, listen.http2)

    def _port(self, port: int, group: Group, certificates: Certificates, *, ipv6: bool) -> Port:
        settings = self._policy.settings_for(port)
        if not group.listen.tls:
            return Port(group, settings, None)
        somebody = address(_LOOPBACK[ipv6])

        def accepts(name: str | None) -> bool:
            return self.decider.accepts(Shape(port=port, tls=True, sni=name), somebody)

        return Port(group, settings, certificates.doors(group, accepts))

    def _hosts(self, *, ipv6: bool) -> Sequence[str]:
        given = [h for h in self._options.hosts if (ip_address(h).version == 6) is ipv6]
        return given or [_LOOPBACK[ipv6]]

    def _bind(self, host: str, port: int, group: Group, *, ipv6: bool) -> socket.socket:
        wanted = self._options.ports.get(port, port)
        sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if ipv6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, self._same_as_before(port, wanted)))
            sock.listen(_BACKLOG)
            sock.setblocking(False)
        except OSError as error:
            sock.close()
            raise self._cannot_bind(error, host, port, wanted, group) from None
        return sock

    def _same_as_before(self, port: int, wanted: int) -> int:
        """A free port that was found for one address serves the others too."""
        if wanted:
            return wanted
        taken = (s.getsockname()[1] for s, d in self._sockets if d.group.listen.port == port)
        return int(next(taken, 0))

    def _cannot_bind(
        self, error: OSError, host: str, port: int, wanted: int, group: Group
    ) -> InputError:
        hint = f"choose another with --port {port}=NUMBER"
        if isinstance(error, PermissionError) and wanted < _FIRST_FREE_PORT:
            hint = f"ports below 1024 are for root; try --port {port}={8000 + port % 1000}"
        source = group.listen.source
        what = f"cannot listen on {host} port {wanted}: {os.strerror(error.errno or 0)}"
        return InputError(what, file=source.file, line=source.line or None, hint=hint)

    # -- the pid file -----------------------------------------------------------------------------

    def _write_pid(self, stack: contextlib.ExitStack) -> None:
        found = self._wiring.pid_file
        if found is None:
            return
        path, source = found
        other = _living(path)
        where = {"file": source.file, "line": source.line}
        if other is not None:
            raise InputError(
                f"{path} belongs to process {other}, which runs",
                **where,  # type: ignore[arg-type]
                hint="stop that server, or choose another file with -g 'pid FILE;'",
            )
        try:
            path.write_text(f"{os.getpid()}\n", encoding="ascii")
        except OSError as error:
            raise InputError(
                f"cannot write {path}: {error.strerror}",
                **where,  # type: ignore[arg-type]
                hint="choose another --prefix, or none with --echo",
            ) from None
        stack.callback(_remove_pid, path)

    # -- serving ----------------------------------------------------------------------------------

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGINT or SIGTERM. ``ready`` is called once clients are taken."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGUSR1, self._files.close)
        self.journal.say("notice", f"simkit serves {self._policy.path}")
        tasks = [asyncio.create_task(self._accept(sock, port)) for sock, port in self._sockets]
        ready()
        try:
            await stop.wait()
        finally:
            self._shared.stopping = True
            await _cancel(tasks)
            await _cancel([t for t in asyncio.all_tasks() if t is not asyncio.current_task()])
            self.journal.say("notice", "exit")

    async def _accept(self, sock: socket.socket, port: Port) -> None:
        loop = asyncio.get_running_loop()
        running: set[asyncio.Task[None]] = set()
        while True:
            try:
                client, where = await loop.sock_accept(sock)
            except OSError as error:
                self.journal.say("crit", f"accept() failed ({error.strerror})")
                await asyncio.sleep(0.5 if error.errno in _NO_ROOM else 0)
                continue
            if not self._has_room():
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
                self.journal.say(
                    "alert", f"{self._policy.worker_connections} worker_connections are not enough"
                )
                continue
            task = asyncio.create_task(self._serve_one(client, where, port))
            running.add(task)
            task.add_done_callback(running.discard)

    def _has_room(self) -> bool:
        """Whether a slot is free, or can be made free by closing a connection that is idle."""
        if len(self._connections) < self._policy.worker_connections:
            return True
        idle = [(c.idle_since, id(c), c) for c in self._connections if c.idle_since is not None]
        if not idle:
            return False
        connection = min(idle)[2]
        connection.drop()
        self._connections.discard(connection)
        return True

    async def _serve_one(self, client: socket.socket, where: tuple[str, int], port: Port) -> None:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(
            address(where[0].partition("%")[0]),
            where[1],
            str(client.getsockname()[0]),
            port.group.listen.port,
            next(self._serials),
        )
        connection = Connection(self._shared, port, peer, Plain(client))
        self._connections.add(connection)
        try:
            await connection.run()
        except Exception as error:  # a fault of ours must not end the server
            self.journal.say("alert", f"internal error: {type(error).__name__}: {error}")
            client.close()
        finally:
            self._connections.discard(connection)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _living(path: Path) -> int | None:
    """The number of the process that a pid file names, if it runs and is another one."""
    try:
        number = int(path.read_text(encoding="ascii").strip() or 0)
        if number <= 0 or number == os.getpid():
            return None
        os.kill(number, 0)
    except PermissionError:
        return number
    except (OSError, ValueError, OverflowError):
        return None
    return number


def _remove_pid(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
