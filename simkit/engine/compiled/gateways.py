"""The gateways of a CDN's edges as records: cohorts of their own, and parties after all clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simkit import draws
from simkit.engine.compiled import layout
from simkit.engine.edge import EDGES
from simkit.engine.stage import Stage
from simkit.traffic import Reach
from simkit.traffic.part import NS_PER_S

if TYPE_CHECKING:
    from simkit.engine.compiled.crowd import Crowd

__all__ = ["Gateways"]


class Gateways:
    """A cohort record for each door that edges ask at, after those of the scenario's cohorts."""

    def __init__(self, stage: Stage, crowd: Crowd) -> None:
        self.doors = stage.doors_of_edges
        self._stage = stage
        self._first_cohort = crowd.cohorts.count
        cdn = stage.strategy.cdn
        if cdn is None:
            return
        places = np.zeros(cdn.spec.edges, layout.PLACE)
        for index in range(cdn.spec.edges):
            places["address"][index] = stage.address_number(cdn.address_of(index))
        first_place = crowd.places.extend(places)
        for port, tls in self.doors:
            record = np.zeros(1, layout.COHORT)[0]
            crowd.add_wire(record, port, tls)
            record["half_rtt_ns"] = stage.half_rtt_of_edges_ns
            record["patience_ns"] = int(cdn.spec.patience_s * NS_PER_S)
            record["reach"], record["heeds"] = Reach.REQUEST, True
            record["keeps"] = record["resumes"] = True
            record["width"] = record["agents"] = record["identities"] = 1
            record["first_place"] = first_place
            crowd.cohorts.append(record)

    def parties(self, seed: int, replication: int) -> npt.NDArray[np.void]:
        """Their records: edge by edge, door by door."""
        cdn = self._stage.strategy.cdn
        edges = 0 if cdn is None else cdn.spec.edges
        records = np.zeros(edges * len(self.doors), layout.CLIENT)
        root = draws.mix(seed, replication)
        for turn in range(len(records)):
            edge, door = divmod(turn, len(self.doors))
            records["key"][turn] = draws.stream(root, EDGES, turn)
            records["binds"][turn] = edge
            records["cohort"][turn] = self._first_cohort + door
        return layout.unmet(records)
