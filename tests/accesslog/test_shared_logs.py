"""Real logs, read to the last line."""

from __future__ import annotations

import gzip
import re

import numpy as np
import pytest

from simkit.accesslog import read_log
from simkit.wire import Version
from tests.accesslog.shared import shared_log

STRICT = re.compile(
    r'(\S+) (\S+) (\S+) \[([^\]]+)\] "([^"]*)" (\d{3}) (\d+|-)(?: "([^"]*)" "([^"]*)")?\Z'
)


def test_a_blog() -> None:
    trace = read_log(shared_log("semicomplete-2015-05.log.gz"))
    assert (trace.lines, len(trace)) == (10_000, 9_999)
    assert [(r.line, r.reason) for r in trace.rejected] == [
        (8899, "the line ends in $http_user_agent")
    ]
    assert trace.agent is not None
    agentless = [trace.agent[row] is None for row in range(len(trace))]
    assert sum(agentless) == 190
    assert trace.named_clients == 0


def test_nasa() -> None:
    trace = read_log(shared_log("nasa-1995-08-01.log.gz"))
    assert trace.lines == 1930
    assert len(trace) + len(trace.rejected) == 1930
    assert trace.agent is None
    assert trace.line.max() < 1930
    last = list(trace.rejected)[-1]
    assert (last.line, last.reason) == (1930, "the line ends in $remote_addr")
    assert Version.HTTP_0_9 in {request.version for request in trace.request.values}


def test_nasa_has_a_line_end_after_every_4096_bytes_and_what_that_breaks() -> None:
    path = shared_log("nasa-1995-08-01.log.gz")
    raw = gzip.decompress(path.read_bytes())
    pages = [raw[i : i + 4097] for i in range(0, len(raw), 4097)]
    assert all(page.endswith(b"\n") for page in pages[:-1])
    whole = b"".join(page[:4096] for page in pages)
    assert whole.count(b"\n") == 1880
    trace = read_log(path)
    broken = {raw[: 4097 * (i + 1)].count(b"\n") for i in range(len(pages) - 1)}
    for rejection in trace.rejected:
        assert rejection.line in broken or rejection.line - 1 in broken or rejection.line == 1930
    assert len(trace.rejected) == 89


def test_a_scan_of_which_some_lines_lack_their_last_quote() -> None:
    trace = read_log(shared_log("w3af-scan-2016-12-22.log.gz"))
    assert (trace.lines, len(trace)) == (3996, 3934)
    assert trace.rejected.by_reason() == {"the line ends in $http_user_agent": 62}


@pytest.mark.parametrize(
    "name", ["semicomplete-2015-05.log.gz", "nasa-1995-08-01.log.gz", "w3af-scan-2016-12-22.log.gz"]
)
def test_against_another_reader(name: str) -> None:
    """Python's own regular expressions, line by line."""
    path = shared_log(name)
    trace = read_log(path)
    lines = gzip.decompress(path.read_bytes()).decode().removesuffix("\n").split("\n")
    found = {i: m for i, line in enumerate(lines, 1) if (m := STRICT.match(line))}
    assert trace.line.tolist() == sorted(found)
    for row, match in enumerate(found.values()):
        assert trace.client[row].text == match[1]
        assert trace.request[row].text == match[5]
        assert int(trace.status[row]) == int(match[6])
        if trace.agent is not None:
            assert trace.agent[row] == (None if match[9] == "-" else match[9])
    sizes = [0 if m[7] == "-" else int(m[7]) for m in found.values()]
    assert np.array_equal(trace.bytes, sizes)
