"""The app: ``panel serve app.py``, with a folder of frames to choose from ``panel serve app.py --args --data DIR``."""

import argparse
import os
from pathlib import Path

os.environ.setdefault("BOKEH_RESOURCES", "server")

import panel as pn

from pipeline.graph.run import Graph
from pipeline.graph.store import Store
from ui import leave, locked, nodelay, unsent
from ui.page import build
from ui.session import Session

MEMORY = 2_000_000_000

parser = argparse.ArgumentParser(
    prog="panel serve app.py --args", description="Star offsets, live while the knobs turn"
)
parser.add_argument("--data", type=Path, default=Path.cwd(), help="only frames below this folder can be opened")
options = parser.parse_args()

nodelay.install()
locked.install()
unsent.install()
leave.install()
pn.extension("tabulator", "filedropper", "mathjax")
graph = pn.state.as_cached("graph", lambda: Graph(Store(MEMORY)))
# The page keeps its address itself; Panel would write each change of it into the browser's history once more.
build(Session(graph, options.data)).servable(location=False)
