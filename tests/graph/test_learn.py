"""Files are told apart by their content before keys ask for it, each once."""

from pipeline.frame import FrameInfo
from pipeline.graph import run


def test_several_files_are_learnt_at_a_time_and_each_once(monkeypatch):
    asked = []
    monkeypatch.setattr(run, "content_of", lambda info: asked.append(info.path))
    graph = run.Graph()
    infos = [FrameInfo(f"/n/{i}.fits", f"{i}.fits", (4, 4)) for i in range(5)]
    graph.learn(infos[:3])
    graph.learn(infos)
    graph.learn(infos)
    assert sorted(asked) == [info.path for info in infos]


def test_a_file_that_is_not_there_does_not_stop_the_others(tmp_path):
    infos = [FrameInfo(str(tmp_path / f"{i}.fits"), f"{i}.fits", (4, 4)) for i in range(3)]
    (tmp_path / "1.fits").write_bytes(b"light")
    run.Graph().learn(infos)
