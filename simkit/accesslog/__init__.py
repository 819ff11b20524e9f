"""Access logs: read by their `log_format` into a Trace, judged by their clock.

trace = read_log("access.log.gz")
trace.to_frame()
"""

from simkit.accesslog.agents import Kind, kind_of
from simkit.accesslog.clients import PSEUDO_IPV4, PSEUDO_IPV6, Client, ClientBook, pseudo_address
from simkit.accesslog.clock import Clock, judge_clock
from simkit.accesslog.escapes import Escape, escaped, unescaped, visible
from simkit.accesslog.log_format import COMBINED, COMMON, LogFormat, find_format
from simkit.accesslog.reading import read_log
from simkit.accesslog.request_line import RequestLine, parse_request_line
from simkit.accesslog.trace import Column, Rejection, Rejections, Trace

__all__ = [
    "COMBINED",
    "COMMON",
    "PSEUDO_IPV4",
    "PSEUDO_IPV6",
    "Client",
    "ClientBook",
    "Clock",
    "Column",
    "Escape",
    "Kind",
    "LogFormat",
    "Rejection",
    "Rejections",
    "RequestLine",
    "Trace",
    "escaped",
    "find_format",
    "judge_clock",
    "kind_of",
    "parse_request_line",
    "pseudo_address",
    "read_log",
    "unescaped",
    "visible",
]
