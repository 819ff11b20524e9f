"""How functions are compiled, and where what has been compiled is kept.

`compiled` marks the functions of the engine, `shared` those that plain Python uses too, and
`entry` those that Python calls. Only entries are kept on disk, with everything that they call in
them. numba itself looks at the file of an entry alone, so the folder has a name that hangs on the
text of every source that takes part: whatever is edited there is compiled anew.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.extending import register_jitable

__all__ = ["announce", "cache_folder", "compiled", "entry", "is_kept", "shared", "sources"]

Function = TypeVar("Function", bound=Callable[..., Any])

_MESSAGE = "Compiling the engine: once, about half a minute."
_KEPT_FOLDERS = 3
_modules: set[str] = set()


def compiled(function: Function) -> Function:
    """Compile a function of the engine when something compiled calls it."""
    _modules.add(function.__module__)
    return numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")(function)


def shared(function: Function) -> Function:
    """Let compiled code call a function that stays one of plain Python."""
    _modules.add(function.__module__)
    return register_jitable(function)


def entry(function: Function) -> Function:
    """Compile a function that Python calls, and keep what has been compiled.

    Everything it calls must have been marked before.
    """
    _modules.add(function.__module__)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder())
    try:
        dispatcher = numba.njit(cache=True)(function)
    finally:
        numba.config.CACHE_DIR = before
    return dispatcher


def announce() -> None:
    """Say on standard error if the engine has to be compiled before it can be used."""
    if not is_kept():
        print(_MESSAGE, file=sys.stderr, flush=True)
        _clear_old_folders()


def is_kept() -> bool:
    """Whether compiled code of just these sources lies on disk."""
    return any(cache_folder().rglob("*.nbi"))


def cache_folder() -> Path:
    """Where code compiled from the present sources is kept."""
    return _home() / _fingerprint()


def _home() -> Path:
    given = os.environ.get("SIMKIT_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "simkit"


def _clear_old_folders() -> None:
    if not _home().is_dir():
        return
    folders = sorted(_home().iterdir(), key=lambda folder: folder.stat().st_mtime)
    for folder in folders[:-_KEPT_FOLDERS]:
        shutil.rmtree(folder, ignore_errors=True)


# What takes part


def _fingerprint() -> str:
    found = hashlib.blake2b(f"{numba.__version__} {np.__version__}".encode(), digest_size=12)
    for source in sources():
        found.update(source.read_bytes())
    return found.hexdigest()


def sources() -> tuple[Path, ...]:
    """The files whose text decides what the compiled code does.

    They are the modules of all marked functions, and the modules of simkit that those import, for
    their constants are compiled in.
    """
    files = {_file(name) for name in _modules}
    imported = {name for file in files for name in _imports(file)}
    return tuple(sorted(files | {_file(name) for name in imported}))


def _file(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def _imports(file: Path) -> Iterator[str]:
    for statement in ast.parse(file.read_bytes()).body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("simkit"):
            module = statement.module or ""
            yield module
            for name in statement.names:
                if importlib.util.find_spec(module).submodule_search_locations is not None:  # type: ignore[union-attr]
                    inner = f"{module}.{name.name}"
                    if importlib.util.find_spec(inner) is not None:
                        yield inner
