"""``python -m harness.study.proposing FD``: answers proposals line by line, in a process that may import torch.

FD is one end of a socket. Owns the loop and what becomes of a failure; the wire's words are `harness.study.proposer`'s.
"""

from __future__ import annotations

import json
import socket
import sys

import optuna

from harness.study.proposer import answer


def serve(wire: socket.socket) -> None:
    """Answer until the other end is closed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with wire, wire.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            wire.sendall(_answered(line).encode() + b"\n")


def _answered(line: str) -> str:
    try:
        return answer(line)
    except Exception as error:  # noqa: BLE001 -- the process's border: the parent says what it means
        return json.dumps({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
