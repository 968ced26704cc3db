"""llama.cpp's own server over the real model: ``python -m tests.real_model.server``.

It speaks OpenAI's API, in a process and on a port of its own. `RealServer` starts and ends it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.real_model.fetch import folder, missing, weights

MODEL = "smollm2-135m-instruct"
SLOTS = 4
CONTEXT = 2048
"""Tokens of question and answer together, for each of the requests that are answered at once."""


class RealServer:
    """A server process, from ``with`` to its end."""

    def __enter__(self) -> RealServer:
        command = [sys.executable, "-m", "tests.real_model.server", "--until-eof"]
        self._process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        if not self.base_url:
            raise RuntimeError(f"the server ended with exit status {self._process.wait()}")
        self._http = httpx.Client(base_url=self.base_url.removesuffix("/v1"), timeout=120)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._process.kill()
        self._process.communicate()

    def tokens(self) -> int:
        """How many tokens the model has written since the server began."""
        lines = self._http.get("/metrics").text.splitlines()
        name = "llamacpp:tokens_predicted_total "
        return int(float(next(line for line in lines if line.startswith(name)).split()[1]))

    def busy(self) -> int:
        """How many requests are being answered."""
        return sum(slot["is_processing"] for slot in self._http.get("/slots").json())

    def wait_until_idle(self, seconds: float = 60) -> None:
        """Wait until nothing is being answered.

        Raises:
            TimeoutError: If something still is when the time is up.
        """
        end = time.monotonic() + seconds
        while self.busy():
            if time.monotonic() > end:
                raise TimeoutError(f"the server still answers after {seconds} seconds")
            time.sleep(0.05)


def serve(port: int) -> Any:
    """Start the server in this process and return it; it stops when it is deleted."""
    sys.path.insert(0, str(folder()))
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(weights())
    settings.model_alias = {MODEL}
    settings.port = port
    settings.n_parallel = SLOTS
    settings.n_ctx = SLOTS * CONTEXT
    # Threads that wait for each other spin: with as many as there are cores, a busy machine crawls.
    threads = max(1, (os.cpu_count() or 2) // 2)
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.endpoint_metrics = True
    settings.ui = False
    settings.verbosity = 1
    return xllamacpp.Server(settings)


def main() -> None:
    """Serve until Ctrl-C, or until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_model.server")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    if reason := missing():
        raise SystemExit(reason)
    server = serve(options.port)
    print(f"{server.listening_address}/v1", flush=True)
    try:
        if options.until_eof:
            sys.stdin.read()
        else:
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
