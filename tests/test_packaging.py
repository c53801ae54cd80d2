"""What is installed: pip, conda and the pins agree, every package of ours is among them, one version everywhere."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pipeline

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
FOR_TESTS = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["test"]]


def test_conda_asks_for_what_pip_asks_for():
    lines = re.findall(r"^ +- ([\w-]+>=[\w.]+)$", (ROOT / "environment.yml").read_text(), re.MULTILINE)
    asked = {str(Requirement(line)) for line in lines if not line.startswith("python>=")}
    assert asked == {str(one) for one in NEEDED}
    assert f"python{PROJECT['project']['requires-python']}" in lines


@pytest.mark.parametrize("requirement", [*NEEDED, *FOR_TESTS], ids=str)
def test_every_dependency_is_pinned_within_its_bounds(requirement):
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def test_every_package_is_installed():
    found = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for top in ("pipeline", "ui")
        for path in ROOT.glob(f"{top}/**/__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_one_version_everywhere():
    citation = (ROOT / "CITATION.cff").read_text()
    assert PROJECT["project"]["version"] == pipeline.__version__
    assert f"version: {pipeline.__version__}\n" in citation
