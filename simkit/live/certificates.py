"""Self-signed certificates for a server that is tried on loopback."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from simkit.errors import InputError
from simkit.traffic.machine import Certificate

__all__ = ["make_certificate"]

_KINDS: dict[Certificate, str] = {
    "ecdsa": "ec -pkeyopt ec_paramgen_curve:P-256",
    "rsa": "rsa:2048",
    "rsa3072": "rsa:3072",
}


def make_certificate(
    certificate: Path,
    key: Path,
    names: tuple[str, ...],
    kind: Certificate = "ecdsa",
) -> None:
    """Write a certificate for these DNS names, valid for 30 days, and its key.

    Raises InputError where the program openssl is missing or refuses.
    """
    program = shutil.which("openssl")
    if program is None:
        raise InputError("openssl is not on the PATH", hint="it makes certificates for trials")
    names = tuple(n for n in names if n.isascii() and n[:1].isalnum()) or ("localhost",)
    certificate.parent.mkdir(parents=True, exist_ok=True)
    key.parent.mkdir(parents=True, exist_ok=True)
    alternatives = ",".join(f"DNS:{n}" for n in names)
    command = f"req -x509 -newkey {_KINDS[kind]} -nodes -days 30".split()
    command += ["-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}"]
    command += ["-out", str(certificate), "-keyout", str(key)]
    done = subprocess.run([program, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InputError(f"openssl made no certificate: {done.stderr.strip()[-200:]}")
