"""How functions are compiled, and where what has been compiled is kept.

`compiled` marks the functions of the engine, `shared` those that plain Python uses too, and
`entry` those that Python calls. Only entries are kept on disk, with everything that they call in
them. numba itself looks at the file of an entry alone, so the folder has a name that hangs on the
text of every source that takes part: whatever is edited there is compiled anew.
"""

from __future__ import annotations

import ast
import contextlib
import getpass
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.extending import register_jitable

__all__ = ["announce", "cache_folder", "compiled", "entry", "is_kept", "shared", "sources"]

Function = TypeVar("Function", bound=Callable[..., Any])

_MESSAGE = "Compiling the engine: once, about a minute."
_KEPT_FOLDERS = 3
_DIGEST_BYTES = 12
_IS_OURS = re.compile(rf"[0-9a-f]{{{2 * _DIGEST_BYTES}}}")
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


def announce(folder: Path) -> None:
    """Say on standard error if what belongs into a folder has to be compiled before it is used."""
    if not is_kept(folder):
        print(_MESSAGE, file=sys.stderr, flush=True)
        _clear_old_folders()


def is_kept(folder: Path) -> bool:
    """Whether compiled code lies in a folder."""
    return any(folder.rglob("*.nbi"))


def cache_folder() -> Path:
    """Where code compiled from the sources that have been marked so far is kept."""
    return _home() / _fingerprint()


def _home() -> Path:
    """The folder of all versions; where that cannot be written to, one for temporary files."""
    given = os.environ.get("SIMKIT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    folder = Path(given or Path.home() / ".cache") / "simkit"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _temporary()
    return folder if os.access(folder, os.W_OK) else _temporary()


@cache
def _temporary() -> Path:
    """A folder of one's own: what lies in it is run, so it must not be anybody else's."""
    folder = Path(tempfile.gettempdir()) / f"simkit-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.name == "posix" and folder.stat().st_uid != os.getuid():
        return Path(tempfile.mkdtemp(prefix="simkit-"))
    return folder


def _clear_old_folders() -> None:
    found = [folder for folder in _home().iterdir() if _IS_OURS.fullmatch(folder.name)]
    with contextlib.suppress(FileNotFoundError):  # somebody else clears as well
        found.sort(key=lambda folder: folder.stat().st_mtime)
        for folder in found[:-_KEPT_FOLDERS]:
            shutil.rmtree(folder, ignore_errors=True)


# What takes part


def _fingerprint() -> str:
    found = hashlib.blake2b(
        f"{numba.__version__} {np.__version__}".encode(), digest_size=_DIGEST_BYTES
    )
    for source in sources():
        found.update(source.read_bytes())
    return found.hexdigest()


def sources() -> tuple[Path, ...]:
    """The files whose text decides what the compiled code does.

    They are the modules of all marked functions and the modules of simkit that those import, for
    their constants are compiled in; of this package's own, also what those import.
    """
    found: set[str] = set()
    waiting = list(_modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            is_own = name in _modules or name.startswith(__package__)
            waiting += _imports(_file(name)) if is_own else ()
    return tuple(sorted({_file(name) for name in found}))


def _file(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def _imports(file: Path) -> Iterator[str]:
    """The modules of simkit that a file imports, or imports something from."""
    for statement in ast.parse(file.read_bytes()).body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("simkit"):
            module = str(statement.module)
            yield module
            if _is_package(module):
                inner = (f"{module}.{name.name}" for name in statement.names)
                yield from (name for name in inner if importlib.util.find_spec(name) is not None)


def _is_package(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.submodule_search_locations is not None
