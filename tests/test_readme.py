"""What README.md shows can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from simkit.errors import InputError
from simkit.strategy import load_strategy
from simkit.study.sweep import load_study
from simkit.traffic import load_scenario

README = Path(__file__).parents[1] / "README.md"
BLOCKS = [
    dedent(b) for b in re.findall(r"(?:(?:^    .*|^)\n)+", README.read_text("utf-8"), re.MULTILINE)
]
DOCUMENTS = [b for b in BLOCKS if re.search(r"^(name|policy) = ", b, re.MULTILINE)]
LOADERS = (load_scenario, load_strategy, load_study)


def test_there_are_a_scenario_a_strategy_and_a_study() -> None:
    assert len(DOCUMENTS) == len(LOADERS)


@pytest.mark.parametrize(("text", "load"), list(zip(DOCUMENTS, LOADERS, strict=True)))
def test_a_document_can_be_loaded(tmp_path: Path, text: str, load: object) -> None:
    file = tmp_path / "shown.toml"
    file.write_text(text)
    try:
        assert load(file)  # type: ignore[operator]
    except InputError as error:
        pytest.fail(str(error))
