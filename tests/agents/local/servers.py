"""Real servers on loopback, each in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Answers are the same whether torchvision is there or not: images only, where it is not.
STILLS = """
import transformers
from som.agents.vlm.local.loading import images_only
from transformers.cli.transformers import main

original = transformers.AutoProcessor.from_pretrained

def read(name, **options):
    try:
        return original(name, **options)
    except (ImportError, ValueError):
        return images_only(name, transformers.AutoConfig.from_pretrained(name))

transformers.AutoProcessor.from_pretrained = read
main()
"""
LLAMA = """
import sys
import xllamacpp

model, eye, port, *keys = sys.argv[1:]
settings = xllamacpp.CommonParams()
settings.model.path, settings.mmproj.path, settings.port = model, eye, int(port)
settings.api_keys, settings.model_alias = keys, {"tiny"}
settings.n_ctx, settings.n_parallel, settings.warmup = 4096, 1, False
server = xllamacpp.Server(settings)
sys.stdin.read()
"""


@contextmanager
def transformers_serve(home: Path) -> Iterator[str]:
    """`transformers serve`, which loads whichever folder a request names; gives its URL."""
    (home / "hub").mkdir()  # /v1/models fails without it
    port = free_port()
    arguments = ["serve", "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
    with _running([sys.executable, "-c", STILLS, *arguments], port, HF_HOME=str(home)) as url:
        yield url


@contextmanager
def llama_cpp(model: Path, eye: Path, key: str) -> Iterator[str]:
    """llama.cpp's server with one model, behind a key; gives its URL."""
    port = free_port()
    arguments = [str(model), str(eye), str(port), key]
    with _running([sys.executable, "-c", LLAMA, *arguments], port) as url:
        yield url


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int, **environment: str) -> Iterator[str]:
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        command,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(480):
            assert server.poll() is None, "the server stopped"
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.25)
        yield url
    finally:
        server.terminate()
        server.communicate(timeout=20)
