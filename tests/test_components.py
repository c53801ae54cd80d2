"""Components of the browser are defined before a page is open; Panel sends a later class into one page only."""

import subprocess
import sys

LATER = """
import importlib, pkgutil
import ui.page
from panel.custom import JSComponent

def below(kind):
    return {one for made in kind.__subclasses__() for one in {made} | below(made)}

known = below(JSComponent)
for module in pkgutil.iter_modules(ui.__path__, "ui."):
    importlib.import_module(module.name)
print(sorted(one.__name__ for one in below(JSComponent) - known if one.__module__.startswith("ui.")))
"""


def test_the_page_defines_every_component_of_its_tabs():
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
