import gc
import weakref

from bokeh.document import Document

from pipeline.graph.run import Graph
from ui.page import Desk
from ui.session import Session


def test_a_page_that_is_left_is_held_by_nobody(tmp_path):
    desk = Desk(Session(Graph(), tmp_path), Document())
    held = weakref.ref(desk)
    desk.close()
    del desk
    gc.collect()
    assert held() is None
