"""Verifying a policy: rounds of requests to a fresh nginx, and the timed traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from simkit.live.nginx import LiveNginx
from simkit.live.timed import timed_trace
from simkit.live.verify.cases import Case
from simkit.live.verify.drawing import Draws
from simkit.live.verify.examples import Pick
from simkit.live.verify.generating import Generator
from simkit.live.verify.reporting import Disagreement, TimedTrace, Verified
from simkit.live.verify.shrinking import shrunk
from simkit.live.verify.site import TrialSite, UpstreamPages, files_for
from simkit.live.verify.trial import RATE, Result, Trial
from simkit.live.verify.vocabulary import Vocabulary, vocabulary
from simkit.policy.policy import Policy
from simkit.policy.reader import read, unescaped

ROUND = 100
"""Requests of a round; then nginx starts afresh, so that limits are not spent for ever."""
_MOST_SHOWN = 10

__all__ = ["ROUND", "verify"]


def verify(
    policy: Policy,
    *,
    requests: int,
    seed: int,
    timed: int = 0,
    program: str | None = None,
    tell: Callable[[int], None] | None = None,
) -> Verified:
    """Send so many requests made for the policy to a live nginx, and compare each answer.

    ``timed`` is the length of each of two further traces against the clock, for a policy that
    limits rates. ``tell`` hears how many requests are done. Raises InputError where nginx is
    missing or refuses the configuration.
    """
    run = _Run(policy, requests, seed, program, tell)
    run.rounds()
    traces = _traces(policy, timed, seed, program) if timed else ()
    return Verified(
        policy.name,
        policy.path,
        seed,
        run.done,
        run.disagreed,
        tuple(run.found),
        tuple(traces),
        policy.warnings,
    )


def _traces(policy: Policy, timed: int, seed: int, program: str | None) -> Iterator[TimedTrace]:
    for kept in (True, False):
        report = timed_trace(
            policy.path, requests=timed, seed=seed, kept=kept, program=program or "nginx"
        )
        if report is not None:
            yield TimedTrace(report)


@dataclass
class _Run:
    """The rounds of one policy."""

    policy: Policy
    requests: int
    seed: int
    program: str | None
    tell: Callable[[int], None] | None
    done: int = 0
    disagreed: int = 0
    found: list[Disagreement] = field(default_factory=list)

    def rounds(self) -> None:
        """All of them."""
        path = self.policy.path
        files = files_for(map(unescaped, read(path)))
        cases: Iterator[Case] | None = None
        while self.done < self.requests:
            with LiveNginx(
                path, site=UpstreamPages(), files=files, program=self.program, rate=RATE
            ) as nginx:
                if cases is None:
                    words = self._words()
                    by_header = nginx.trial.by_header
                    maker = Generator(self.policy, words, self.seed, by_header=by_header)
                    cases = maker.cases()
                site = TrialSite(nginx.folder, path.resolve().parent)
                self._round(Trial(self.policy, site, nginx), cases)

    def _round(self, trial: Trial, cases: Iterator[Case]) -> None:
        until = min(self.done + ROUND, self.requests)
        for case in cases:
            for result in trial.play(case):
                self.done += 1
                if result.differences:
                    self._note(trial, result)
                if self.done >= until:
                    break
            if self.tell is not None:
                self.tell(self.done)
            if self.done >= until:
                return

    def _note(self, trial: Trial, result: Result) -> None:
        self.disagreed += 1
        if len(self.found) >= _MOST_SHOWN:
            return
        smaller, again = shrunk(trial, result)
        number, index = result.case.number, result.index
        self.found.append(Disagreement(self.policy.path, number, index, self.done, smaller, again))

    def _words(self) -> Vocabulary:
        def pick(text: str) -> Pick:
            draws, turn = Draws(self.seed, f"expression {text}", 0), count()
            return lambda n: draws.number("choice", n, next(turn))

        return vocabulary(self.policy.path, pick)
