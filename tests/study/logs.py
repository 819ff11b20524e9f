"""Small logs and policies for replays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simkit.accesslog import COMBINED, LogFormat, Trace, read_log

START = datetime(2024, 5, 17, 10, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
EXACT = LogFormat("exact", COMBINED.text + ' "$http_host" $msec $request_time $server_port $scheme')


def line(second: float = 0.0, log_format: LogFormat = COMBINED, **values: str | None) -> str:
    """A line that is ordinary but for the values given."""
    at = START + timedelta(seconds=second)
    usual: dict[str, str | None] = {
        "remote_addr": "192.0.2.1",
        "time_local": at.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "msec": f"{at.timestamp():.3f}",
        "request_time": "0.000",
        "request": "GET / HTTP/1.1",
        "status": "200",
        "body_bytes_sent": "100",
        "http_user_agent": BROWSER,
        "http_host": "shop.example",
        "server_port": "80",
        "scheme": "http",
    }
    return log_format.line(usual | values)


def trace(folder: Path, lines: Iterable[str], log_format: LogFormat = COMBINED) -> Trace:
    """A log of these lines, read."""
    path = folder / "access.log"
    path.write_text("".join(f"{text}\n" for text in lines))
    return read_log(path, log_format)


def policy_file(folder: Path, server: str, http: str = "", listen: str = "80") -> Path:
    """A configuration with one server, shop.example."""
    listens = "".join(f"listen {where}; " for where in listen.split(","))
    path = folder / "trial.conf"
    path.write_text(
        "# For a test.\nevents {}\nhttp {\n"
        f"{http}\nserver {{ {listens} server_name shop.example; root html;\n{server}\n}} }}\n"
    )
    return path
