"""Configurations with limits of every kind, drawn: for traces against the clock."""

from __future__ import annotations

from simkit.draws import Purpose, integer, stream, uniform

__all__ = ["drawn_config"]

_KEYS = (
    "$binary_remote_addr",
    "$binary_remote_addr",
    "$binary_remote_addr$uri",
    "$server_name",
    "$http_x_key",
    "$arg_k$binary_remote_addr",
    "$plan",
    "$cookie_session",
)
_RATES = ("5r/s", "13r/s", "37r/s", "50r/s", "111r/s", "300r/s", "7r/m", "100r/m", "900r/m")
_ZONES = 6
_LOCATIONS = 6


class _Dice:
    """Draws one after the other for one configuration."""

    def __init__(self, seed: int) -> None:
        self._key = stream(seed, "timed configuration", 0)
        self._count = 0

    def below(self, n: int) -> int:
        self._count += 1
        return integer(n, uniform(self._key, Purpose.CHOICE, self._count))

    def of(self, items: tuple[str, ...]) -> str:
        return items[self.below(len(items))]

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent


def drawn_config(seed: int) -> str:
    """The text of the configuration with this number."""
    dice = _Dice(seed)
    zones = [_zone(dice, number) for number in range(_ZONES)]
    locations = [_location(dice, number) for number in range(_LOCATIONS)]
    extra = ["keepalive_timeout 0;"] if dice.chance(8) else []
    extra += _limits(dice) if dice.chance(60) else []
    extra += ["limit_conn together 50;"] if dice.chance(30) else []
    extra += ["limit_req_dry_run on;"] if dice.chance(10) else []
    return "\n".join(
        (
            "events {}",
            "http {",
            "map $http_x_key $plan { default $binary_remote_addr; paid ''; shared all; }",
            "limit_conn_zone $binary_remote_addr zone=together:1m;",
            "upstream site { server 127.0.0.1:9; }",
            *zones,
            f"limit_req_status {dice.of(('429', '503', '444', '503'))};",
            "server {",
            "listen 80;",
            "server_name site.example;",
            *extra,
            *locations,
            "}",
            "}\n",
        )
    )


def _zone(dice: _Dice, number: int) -> str:
    size = dice.of(("1m", "1m", "32k"))
    return f"limit_req_zone {dice.of(_KEYS)} zone=z{number}:{size} rate={dice.of(_RATES)};"


def _limits(dice: _Dice) -> list[str]:
    first, count = dice.below(_ZONES), 1 + min(dice.below(4), 2)
    return [_limit(dice, (first + i) % _ZONES) for i in range(count)]


def _limit(dice: _Dice, zone: int) -> str:
    words = [f"zone=z{zone}"]
    burst = dice.below(12)
    if burst and dice.chance(90):
        words.append(f"burst={burst}")
        words += ([], ["nodelay"], ["nodelay"], [f"delay={1 + dice.below(burst)}"])[dice.below(4)]
    return f"limit_req {' '.join(words)};"


def _location(dice: _Dice, number: int) -> str:
    inside = _limits(dice) if dice.chance(80) else []
    inside += ["limit_conn together 30;"] if dice.chance(20) else []
    inside += ["limit_req_dry_run on;"] if dice.chance(15) else []
    inside += [f"limit_req_status {dice.of(('420', '444', '599'))};"] if dice.chance(20) else []
    inside += ["error_page 429 503 = @busy;"] if dice.chance(10) else []
    inside.append("proxy_pass http://site;" if dice.chance(15) else "root html;")
    named = "location @busy { return 404; }\n" if number == 0 else ""
    return f"{named}location /l{number} {{ {' '.join(inside)} }}"
