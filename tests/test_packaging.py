"""One name is installed, light until used, in a checkout, an editable install and a wheel alike."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.evals.datasets.make import screenspot

ROOT = Path(__file__).parent.parent
FOLDERS = ("agents", "evals", "prompts", "ui")
HEAVY = {
    *("torch", "transformers", "gradio", "playwright", "inspect_ai", "anthropic", "segment_anything"),
    *("ray", "pyarrow"),
}


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_one_top_level_name_and_everything_in_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"som"}
    for folder in FOLDERS:
        wanted = {
            f"som/{path.relative_to(ROOT).as_posix()}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert wanted <= set(names)
    assert {"som/ui/images/coffee.jpg", "som/ui/images/screen.png"} <= set(names)


def test_a_checkout_without_links_imports_the_same(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "som", tmp_path / "som", ignore=shutil.ignore_patterns(*FOLDERS))
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder)
        # What git writes for a link on systems that have none.
        (tmp_path / "som" / folder).write_text(f"../{folder}")
    code = "import som.agents.vlm as module; print(module.__file__)"
    where = run(sys.executable, "-c", code, cwd=tmp_path).strip()
    assert Path(where).is_relative_to(tmp_path.resolve())


# Written in torch from top to bottom; imported inside the functions that need them.
IN_TORCH = {
    *(
        f"som.segmenters.sam.{name}"
        for name in ("_torchvision", "automatic", "dial", "hub", "original", "session")
    ),
    "som.devices",
    "som.segmenters.words.finders",
    "som.naming.encoders",
    *(
        f"som.agents.vlm.local.{name}"
        for name in ("choice", "generation", "grammar", "loading", "prompt")
    ),
}
# Tasks and their parts; what `inspect_ai` itself imports, and the command that runs them.
IN_INSPECT = {
    f"som.evals.{name}"
    for name in (
        "chat", "davis", "flickr30k", "open_vocabulary", "provider", "refcoco", "registry", "run",
        "scorers", "screenspot", "screenspot_pro", "screenspot_v2", "solvers", "som_bench", "tasks",
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("torch", ["mark", "{image}", "--segmenter", "sam"]),
        ("segment_anything", ["mark", "{image}", "--segmenter", "sam", "--weights", "{weights}"]),
        ("transformers", ["mark", "{image}", "--segmenter", "sam2"]),
        ("transformers", ["mark", "{image}", "--find", "cup", "--segmenter", "photo"]),
        ("torch", ["name", "{image}"]),
    ],
)
def test_a_missing_package_is_one_line_with_the_command_that_installs_it(
    tmp_path: Path, package: str, command: list[str]
) -> None:
    image = ROOT / "examples" / "images" / "coffee.jpg"
    weights = tmp_path / "sam.pth"
    save = f"from tests.som.segmenters.sam.tiny import *; save_original(Path({str(weights)!r}))"
    if "{weights}" in command:
        run(sys.executable, "-c", save, cwd=ROOT)
    asked = [part.format(image=image, weights=weights) for part in command]
    code = f"import sys; sys.modules[{package!r}] = None; from som.cli import main; main({asked!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert package in lines[0]
    assert 'pip install "som-agent[sam]"' in lines[0]


def test_no_module_imports_a_heavy_package_until_used() -> None:
    code = f"""
import importlib, pkgutil, sys, som
for module in pkgutil.walk_packages(som.__path__, "som."):
    if not module.name.endswith("__main__") and module.name not in {sorted(IN_TORCH | IN_INSPECT)}:
        importlib.import_module(module.name)
print(len([name for name in sys.modules if name.startswith("som.")]))
print(*sys.modules)
"""
    count, loaded = run(sys.executable, "-c", code).splitlines()[-2:]
    assert int(count) > 20
    assert not HEAVY & set(loaded.split())


def test_help_loads_next_to_nothing() -> None:
    code = """
import sys
from som.cli import main
main(["--help"], standalone_mode=False)
print(*sys.modules)
"""
    loaded = set(run(sys.executable, "-c", code).splitlines()[-1].split())
    assert not (HEAVY | {"numpy", "cv2", "supervision", "PIL", "openai", "pydantic"}) & loaded


def test_an_opencv_that_needs_libgl_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; "
        "from som.cli import main; main(['mark', 'a.png'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert "opencv-python-headless" in done.stderr


def test_the_light_base_asks_for_the_headless_opencv_alone() -> None:
    import tomllib

    base = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [name for name in base if name.startswith("opencv")] == ["opencv-python-headless>=4.10"]
    pins = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if "opencv" in line]
    versions = {line.split("==")[1] for line in pins if "==" in line}
    assert len(versions) == 1


@pytest.mark.slow
def test_the_wheel_works_beside_the_agents_sdk_without_libgl(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", wheel, "openai-agents")
    imports = "import agents, som.agents; from agents import Agent; print(agents.__file__)"
    assert "site-packages/agents/" in run(python, "-c", imports, cwd=tmp_path)
    build = run(python, "-c", "import cv2; print(cv2.getBuildInformation())", cwd=tmp_path)
    assert "GUI:                           NONE" in build
    shot = ROOT / "examples" / "images" / "screen.png"
    asked = [python.with_name("som"), "ask", shot, "the search field", "--model", "offline"]
    out = run(*asked, cwd=tmp_path)
    assert "[" in out
    assert (tmp_path / "screen.answer.png").stat().st_size > 10_000


@pytest.mark.slow
def test_inspect_finds_tasks_and_models_of_an_installed_package_and_of_a_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    pytest.importorskip("inspect_ai")
    # A name that inspect_ai takes for that of installed packages.
    site = tmp_path / "site-packages"
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel)
    data = screenspot(tmp_path / "data")
    shared = {"PYTHONPATH": str(site), "INSPECT_LOG_DIR": str(tmp_path / "logs")}
    shared |= {"SOM_MARKS_CACHE": str(tmp_path / "marks"), "NO_COLOR": "1"}
    for task, where in (("som/screenspot", tmp_path), ("evals/screenspot.py", ROOT)):
        command = [sys.executable, "-m", "inspect_ai", "eval", task, "--model", "som/offline"]
        done = subprocess.run(
            [*command, "-T", f"data={data}", "-T", "limit=1", "--display", "plain"],
            cwd=where, env={**os.environ, **shared}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ceiling" in done.stdout
    # An interrupted or failed log is gone on with by the library's own command.
    log = sorted((tmp_path / "logs").glob("*.eval"))[0]
    again = [sys.executable, "-m", "inspect_ai", "eval-retry", log, "--display", "plain"]
    done = subprocess.run(
        again, cwd=tmp_path, env={**os.environ, **shared}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
