"""Sweeps: strategies × a grid of scenarios × replications, as cells that run one by one.

A study is read from a file (`load_study`) or made (`Study.of`). Every cell is a function of its
inputs alone; finished ones are kept on disk, so a study that was interrupted goes on where it was
(`sweep`).
"""

from simkit.study.sweep.cells import Cell, Failure, Result, run_cell
from simkit.study.sweep.findings import Failed, Sweep
from simkit.study.sweep.grid import Axis, Point
from simkit.study.sweep.reading import load_study
from simkit.study.sweep.running import State, sweep
from simkit.study.sweep.study import Study

__all__ = [
    "Axis",
    "Cell",
    "Failed",
    "Failure",
    "Point",
    "Result",
    "State",
    "Study",
    "Sweep",
    "load_study",
    "run_cell",
    "sweep",
]
