"""Where clients connect from: loopback addresses of their own, and ports that are used once."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from simkit.errors import InputError

__all__ = ["Places"]

_PORTS = range(1024, 65536)


class Places:
    """Ports of each address in turn, none twice: by address and port the log tells connections."""

    def __init__(self) -> None:
        self._ports: dict[str, Iterator[int]] = {}

    def bind(self, made: socket.socket, address: str) -> int:
        """Give a new socket an address and a port of it. Raises InputError where that fails."""
        # A port may be in TIME_WAIT since an earlier run, whose server had another port.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ports = self._ports.get(address)
        if ports is None:
            ports = self._ports[address] = iter(_PORTS)
        for port in ports:
            try:
                made.bind((address, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise InputError(f"{address} cannot be connected from: {error}") from None
                continue  # somebody listens there
            return port
        raise InputError(f"all ports of {address} have been used in this run")
