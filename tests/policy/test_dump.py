"""`nginx -T` dumps: recognised, read as the files they hold, and errors at the dump's own lines."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from simkit.errors import InputError
from simkit.live import find_nginx
from simkit.policy import load_policy
from simkit.policy.files import is_dump
from simkit.policy.reader import read

FILES = {
    "/etc/nginx/nginx.conf": "events {}\nhttp {\n    include mime.types;\n"
    "    include /etc/nginx/sites/*.conf;\n    include none/*.conf;\n}\n",
    "/etc/nginx/mime.types": "types {\n    text/css css;\n}\n",
    "/etc/nginx/sites/b.conf": "server {\n    listen 82;\n    include snippets/deny.conf;\n}\n",
    "/etc/nginx/snippets/deny.conf": "deny all;\n",
    "/etc/nginx/sites/a.conf": "server {\n    listen 81;\n    include snippets/deny.conf;\n}\n",
}


def dump(files: dict[str, str], before: str = "") -> str:
    parts = (f"# configuration file {name}:\n{text}\n" for name, text in files.items())
    return before + "".join(parts)


def written(folder: Path, text: str) -> Path:
    path = folder / "dump.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("before", ["", "nginx: the configuration file x syntax is ok\n\n"])
def test_the_parts_of_a_dump_find_one_another(tmp_path: Path, before: str) -> None:
    path = written(tmp_path, dump(FILES, before))
    assert is_dump(path)
    policy = load_policy(path)
    assert [server.listens[0].port for server in policy.http.servers] == [81, 82]
    assert all(len(server.base.access) == 1 for server in policy.http.servers)
    assert policy.http.servers[0].base.types == {"css": "text/css"}


def test_lines_are_those_of_the_dump(tmp_path: Path) -> None:
    text = dump(FILES)
    policy = load_policy(written(tmp_path, text))
    lines = text.splitlines()
    for server in policy.http.servers:
        for source in (server.listens[0].source, server.base.access[0].source):
            assert source.file == str(tmp_path / "dump.txt")
            assert source.text in lines[source.line - 1]


WRONG = {
    "types {": ("/etc/nginx/mime.types", "unexpected end of file"),
    "server { lissten 81; }": ("/etc/nginx/sites/a.conf", '"lissten" is not simulated'),
    "include gone.conf;": ("/etc/nginx/sites/a.conf", "/etc/nginx/gone.conf is not in this dump"),
    "server { listen 80 x; }": ("/etc/nginx/sites/b.conf", 'the invalid "x" parameter'),
}


@pytest.mark.parametrize(("text", "where"), WRONG.items(), ids=WRONG.keys())
def test_what_is_wrong_is_said_at_its_line(
    tmp_path: Path, text: str, where: tuple[str, str]
) -> None:
    name, what = where
    path = written(tmp_path, dump(FILES | {name: f"{text}\n"}))
    with pytest.raises(InputError, match=re.escape(what)) as error:
        load_policy(path)
    assert error.value.file == str(path)
    after = 2 if "end of file" in what else 0  # where its part ends
    assert error.value.line == path.read_text().splitlines().index(text) + 1 + after


def test_a_part_that_includes_itself_is_an_error(tmp_path: Path) -> None:
    files = FILES | {"/etc/nginx/mime.types": "include mime.types;\n"}
    with pytest.raises(InputError, match="nested too deeply"):
        load_policy(written(tmp_path, dump(files)))


def test_a_comment_further_down_makes_no_dump(tmp_path: Path) -> None:
    text = "# mine\n# configuration file /etc/nginx/nginx.conf:\nevents {}\n"
    assert not is_dump(written(tmp_path, text))


def test_what_nginx_prints_is_read_as_the_files_it_came_from(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / name.removeprefix("/etc/nginx/")
        path.parent.mkdir(parents=True, exist_ok=True)
        here = text.replace("/etc/nginx", str(tmp_path)).replace("listen 8", "listen 4098")
        path.write_text(here, encoding="utf-8")
    main = tmp_path / "nginx.conf"
    main.write_text(f"pid {tmp_path}/pid; error_log stderr;\n" + main.read_text(), encoding="utf-8")
    done = subprocess.run(
        [find_nginx(), "-T", "-e", "stderr", "-p", f"{tmp_path}/", "-c", str(main)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    plain = [(d.name, d.args) for d in read(main)]
    dumped = [(d.name, d.args) for d in read(written(tmp_path, done.stdout))]
    assert dumped == plain
