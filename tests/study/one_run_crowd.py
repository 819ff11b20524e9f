"""A crowd and a policy for single runs: small, and with everything that a log has to show."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from simkit.engine.run import Record
from simkit.policy import Policy, load_policy
from simkit.study.one_run import OneRun, run_once
from simkit.traffic import Scenario, load_scenario
from tests.traffic.files import SMALLEST

MARKUP = "[red]bot[/red] [/]"
"""An agent, and with it the text of a rule, that rich would take for markup."""


def _cohort(name: str, honest: bool, *lines: str, kind: str = "caller") -> str:
    side = str(honest).lower()
    head = ("[[cohort]]", f'name = "{name}"', f'kind = "{kind}"', f"honest = {side}")
    return "\n".join((*head, *lines, ""))


EVERY = 'arrivals = { kind = "poisson", every_s = 4 }'
CALLS = 'calls = [{ path = "/" }, { path = "/plain" }]'
FAULTS = ("malformed request line", "malformed method", "TLS bytes on a plain port")

CROWD = SMALLEST + "\n".join(
    (
        "",
        _cohort(
            "callers",
            True,
            "count = 4",
            'addresses = ["198.51.100.0/28", "2001:db8::/48"]',
            "agents = ['test/1.0 \"quoted\" back\\slash é']",
            'headers = [["Referer", "http://shop.example/?a=b c"]]',
            EVERY,
            CALLS,
        ),
        _cohort("readers", True, "count = 3", 'addresses = ["198.51.100.32/28"]', EVERY, CALLS),
        _cohort(
            "nameless",
            False,
            "count = 2",
            'addresses = ["198.51.100.48/28"]',
            'host = "none"',
            'protocol = "HTTP/1.0"',
            'agents = ["x"]',
            EVERY,
            CALLS,
        ),
        _cohort(
            "bots",
            False,
            "count = 4",
            'addresses = ["203.0.113.0/24"]',
            f'agents = ["{MARKUP}", "bot/1"]',
            EVERY,
            CALLS,
        ),
        *(
            _cohort(
                f"broken {number}",
                True,
                "count = 1",
                f'addresses = ["198.51.100.{64 + number}"]',
                'agents = ["broken/1"]',
                f'flaw = {{ share = 0.5, fault = "{fault}" }}',
                EVERY,
                CALLS,
            )
            for number, fault in enumerate(FAULTS)
        ),
        _cohort(
            "flood",
            False,
            "count = 3",
            'addresses = ["198.51.100.128/28"]',
            'agents = ["flood/1"]',
            'arrivals = { kind = "periodic", every_s = 0.2, from_s = 20, until_s = 30 }',
            CALLS,
            kind="flood",
        ),
        _cohort(
            "slow",
            False,
            "count = 1",
            'addresses = ["198.51.100.200"]',
            'agents = ["slow/1"]',
            'arrivals = { kind = "at once", from_s = 5, until_s = 40 }',
            "connections = 4",
            "open_per_s = 10",
            "line_every_s = 2",
            kind="slow",
        ),
    )
)

POLICY = """\
# For tests.
events { worker_connections 64; }
http {
    log_format own '$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent $bytes_sent '
                   '"$http_user_agent" "$http_host" $msec $request_time $server_port $scheme '
                   '"$limit_req_status" "$limit_conn_status"';
    access_log logs/access.log own;
    client_header_timeout 6s;
    limit_req_zone $binary_remote_addr zone=all:1m rate=2r/s;
    limit_conn_zone $binary_remote_addr zone=open:1m;
    map $http_user_agent $unwanted {
        default 0;
        "" 1;
        "[red]bot[/red] [/]" 1;
    }
    server { listen 80 default_server; server_name _; return 444; }
    server {
        listen 80;
        server_name shop.example;
        if ($unwanted) { return 403; }
        deny 203.0.113.0/24;
        location / {
            limit_req zone=all burst=3 delay=1;
            limit_req_status 429;
            limit_conn open 20;
            root html;
        }
    }
}
"""


def made(folder: Path, policy: str = POLICY) -> tuple[Scenario, Policy]:
    """The crowd and the policy, read from files in a folder."""
    crowd, conf = folder / "crowd.toml", folder / "trial.conf"
    crowd.write_text(CROWD, encoding="utf-8")
    conf.write_text(policy, encoding="utf-8")
    return load_scenario(crowd), load_policy(conf)


@lru_cache
def one_run(record: Record = "all") -> OneRun:
    """The run of the crowd under the policy."""
    with TemporaryDirectory() as folder:
        return run_once(*made(Path(folder)), record=record)
