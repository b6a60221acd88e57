"""Check the files in dist/ and try the wheel in a fresh environment: `make dist`."""

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Files of the repository are in these folders or at its top.
FOLDERS = (".ci", ".github", "benchmarks", "docs", "examples", "sklauction", "tests", "tools")
MADE = {"__pycache__", "_build", "api", "auto_examples", "sg_execution_times.rst"}
# At the top, but not in the repository.
NOT_OURS = {".DS_Store", ".git"}


def repository_files(root=ROOT):
    """Return the paths of the files that the source distribution must hold."""
    top = {path for path in root.iterdir() if path.is_file() and path.name not in NOT_OURS}
    deep = {path for name in FOLDERS for path in (root / name).rglob("*") if path.is_file()}
    paths = {path.relative_to(root) for path in top | deep}
    return {path.as_posix() for path in paths if not MADE & set(path.parts)}


def check_sdist(path):
    """Raise SystemExit if the source distribution lacks a file of the repository."""
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    missing = sorted(repository_files() - held)
    if missing:
        raise SystemExit(f"{path.name} lacks {', '.join(missing)}; see MANIFEST.in")


def check_wheel(path):
    """Raise SystemExit unless the wheel holds the package with py.typed, and nothing else."""
    with zipfile.ZipFile(path) as archive:
        held = set(archive.namelist())
    info = f"{'-'.join(path.name.split('-')[:2])}.dist-info"
    strange = sorted(name for name in held if name.split("/")[0] not in ("sklauction", info))
    if strange:
        raise SystemExit(f"{path.name} must hold the package only; it also holds {strange[0]}")
    package = {name for name in repository_files() if name.startswith("sklauction/")}
    missing = sorted(package - held)
    if missing:
        raise SystemExit(f"{path.name} lacks {', '.join(missing)}")


def try_wheel(path):
    """Install the wheel in a fresh environment and run tools/smoke.py there."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        constraints = ("--quiet", "--constraint", ROOT / "constraints.txt")
        run = [python, "-m", "pip", "install", *constraints, f"{path}[save]"]
        subprocess.run(run, check=True, cwd=folder)
        # -I: neither this folder nor PYTHONPATH can stand in for the installed package.
        subprocess.run([python, "-I", ROOT / "tools/smoke.py"], check=True, cwd=folder)


if __name__ == "__main__":
    (sdist,) = (ROOT / "dist").glob("*.tar.gz")
    (wheel,) = (ROOT / "dist").glob("*.whl")
    check_sdist(sdist)
    check_wheel(wheel)
    try_wheel(wheel)
