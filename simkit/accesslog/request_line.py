"""Request lines as a log has them: read as nginx reads a request line.

A line that is no HTTP is not a malformed line of the log: it is a request that nginx answered with
400, and logged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from simkit.wire import Fault, Version

__all__ = ["RequestLine", "parse_request_line"]

_LINE = re.compile(
    r"(?P<method>[^ ]+) +(?P<target>[^ \x00-\x1f\x7f]+)"
    r"(?: +HTTP/(?P<major>[1-9][0-9]?)\.(?P<minor>[0-9]{1,3}))? *"
)
_METHOD = re.compile("[A-Z_-]+")
_TLS_RECORD = "\x16\x03"


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request line, read. ``text`` is what the log had.

    ``http3`` says that the request came over HTTP/3, which is judged as HTTP/2.
    """

    text: str
    method: str = ""
    target: str = ""
    version: Version = Version.HTTP_1_1
    fault: Fault = Fault.NONE
    http3: bool = False

    @property
    def came(self) -> bool:
        """Whether there was a request at all: a connection that closed early leaves none."""
        return self.text not in ("", "-")


def parse_request_line(text: str) -> RequestLine:
    """Read a request line by the grammar of ``ngx_http_parse_request_line`` (1.22)."""
    found = _LINE.fullmatch(text)
    if found is None:
        return RequestLine(text, fault=_fault(text))
    if not _METHOD.fullmatch(found["method"]):
        return RequestLine(text, fault=Fault.BAD_METHOD)
    version, http3, fault = _version(found["major"], found["minor"])
    target = found["target"]
    if not (target[0] == "/" or (target[0].isascii() and target[0].isalpha())):
        fault = Fault.BAD_REQUEST_LINE
    if version is Version.HTTP_0_9 and found["method"] != "GET":
        fault = Fault.BAD_REQUEST_LINE
    return RequestLine(text, found["method"], target, version, fault, http3)


def _fault(text: str) -> Fault:
    return Fault.TLS_ON_PLAIN if text.startswith(_TLS_RECORD) else Fault.BAD_REQUEST_LINE


def _version(major: str | None, minor: str | None) -> tuple[Version, bool, Fault]:
    if major is None:
        return Version.HTTP_0_9, False, Fault.NONE
    if major == "1":
        return Version.HTTP_1_0 if minor in ("0", "00") else Version.HTTP_1_1, False, Fault.NONE
    if major in ("2", "3"):
        return Version.HTTP_2, major == "3", Fault.NONE
    return Version.HTTP_1_1, False, Fault.UNKNOWN_VERSION
