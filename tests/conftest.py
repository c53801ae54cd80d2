"""What tests share."""

import os
import sys
from pathlib import Path

import pytest

from pipeline import sample
from pipeline.graph.run import Graph


@pytest.fixture(scope="session")
def data():
    """Folder of real frames, named by the variable STARSHIFT_DATA."""
    folder = os.environ.get("STARSHIFT_DATA")
    if not folder:
        pytest.skip("STARSHIFT_DATA does not name a folder of real frames")
    if not Path(folder).is_dir():
        pytest.fail(f"STARSHIFT_DATA = {folder}: no such folder")
    return Path(folder)


@pytest.fixture(scope="module")
def graph():
    """A graph with a store of its own."""
    return Graph()


@pytest.fixture(scope="module")
def turning(tmp_path_factory):
    """Four small frames of a field that turns."""
    folder = tmp_path_factory.mktemp("turning")
    sample.write_named("rotation", folder, frames=4, size=(240, 320))
    return Graph.open([folder], folder)


@pytest.fixture(scope="module", autouse=True)
def own_pictures():
    """Forget the pictures of the module before: its keys name other pixels, which on a page they never do."""
    if "ui.pyramid" in sys.modules:
        sys.modules["ui.pyramid"].PYRAMIDS._held.clear()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where every test must run, one that is skipped has failed."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("STARSHIFT_SKIPS") == "fail" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and STARSHIFT_SKIPS=fail: {report.longrepr}"
