"""Visitors who speak the page's protocol and paint nothing, as those do who bring a machine of their own.

``python -m benchmarks.websocket_visitor ADDRESS`` has many of them in a process apart from the server's. They fetch the
page and its document (scripts and fonts are not fetched), send what a browser sends, take in all that comes, and turn
the knobs of the stars. The process goes on with each line that it reads, and writes one for each step.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from bokeh.client.websocket import WebSocketClientConnectionWrapper
from bokeh.protocol import Protocol
from bokeh.protocol.message import Message
from bokeh.protocol.messages.patch_doc import patch_doc
from bokeh.protocol.receiver import Receiver
from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import websocket_connect

T = TypeVar("T")
PATIENCE = 60.0
# A turn that is not answered by then has no answer.
LONGEST = 10.0
# The picture in a window of 1440 by 900 pixels.
SCREEN = (720, 627)
# So long nothing more comes when a page is at rest, seconds.
STILL = 0.25
ON_THE_PAGE = {"frames", "normalize", "stars", "tracks"}
MADE = {"fresh", "stored", "failed"}
STARS, CUT, SERIES = "picture stars", "picture cut 0", "track series"
LARGEST = 50_000_000


def objects(tree: Any) -> Iterator[dict[str, Any]]:
    """All models that are defined in a part of a document, as Bokeh writes them."""
    if isinstance(tree, dict):
        if tree.get("type") == "object" and "id" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from objects(branch)


def mapped(written: dict[str, Any]) -> dict[str, Any]:
    """A mapping as Bokeh writes it."""
    return dict(written.get("entries", ()))


def token_of(page: str) -> str:
    """The session's token, which a page has for its websocket."""
    found = re.search(r'"token":\s*"([^"]+)"', page)
    if found is None:
        raise ValueError("the page has no token of a session")
    return found[1]


def fitted(nx: int, ny: int) -> dict[str, float]:
    """Where a whole frame stands in the middle of the screen, as the page's script fits it, and the screen's size."""
    width, height = SCREEN
    scale = min(width / nx, height / ny)
    x, y, across, down = (nx - 1) / 2, (ny - 1) / 2, width / scale / 2, height / scale / 2
    return {"x0": x - across, "x1": x + across, "y0": y - down, "y1": y + down, "width": width, "height": height}


def hand(seed: int, knobs: Iterable[str] = ("threshold",)) -> Iterator[tuple[str, Any]]:
    """The knobs that one visitor turns and where to, in the steps of their sliders; the same for the same seed."""
    chance = random.Random(seed)
    draw: dict[str, Callable[[], Any]] = {
        # As far as the page's own watch goes, which turns the slider from 0.35 to 0.55 of its way.
        "threshold": lambda: round(2 * 3 * (200 / 3) ** chance.uniform(0.35, 0.55)) / 2,
        "sharpness": lambda: [round(chance.uniform(0.1, 0.5), 2), 1.0],
        "roundness": lambda: [-1.0, round(chance.uniform(0.3, 0.9), 2)],
    }
    held: dict[str, Any] = {}
    for knob in itertools.cycle(knobs):
        # A knob that is left where it is asks for nothing.
        while (value := draw[knob]()) == held.get(knob):
            pass
        held[knob] = value
        yield knob, value


class Known:
    """What a visitor knows of the page: which models it has, and when what they show changed last."""

    def __init__(self) -> None:
        self.models: dict[str, str] = {}
        self.request = ""
        self.rows: dict[str, str] = {}
        self.shape = (0, 0)
        self.latest = 0.0
        self._names: dict[str, str] = {}
        self._changed: dict[str, float] = {}

    def learn(self, tree: Any) -> None:
        """Remember the models that are defined in a part of a document."""
        for model in objects(tree):
            attributes = model.get("attributes", {})
            if "class_name" in attributes and "id" in attributes.get("data", {}):
                # A component tells by itself, and shows what another model holds.
                self.models[attributes["class_name"]] = model["id"]
                self._names[attributes["data"]["id"]] = attributes["class_name"]
            elif model["name"] == "ColumnDataSource" and attributes.get("name"):
                self._names[model["id"]] = attributes["name"]
            elif "request" in (arguments := mapped(attributes.get("args", {}))):
                self.request = arguments["request"]["id"]

    def hear(self, event: dict[str, Any]) -> None:
        """Take in one change of the document."""
        self.latest = time.perf_counter()
        self.learn(event.get("new"))
        name = self._names.get(event.get("model", {}).get("id"), "")
        attribute = event.get("attr", "")
        self._changed[f"{name}.{attribute}"] = self.latest
        if name == CUT and (columns := mapped(event["data"])).get("nx"):
            self.shape = (columns["nx"][0], columns["ny"][0])
        if name == "StageList" and attribute == "rows":
            self.rows = {row["name"]: row["state"] for row in map(mapped, event["new"])}

    def since(self, begin: float, *names: str) -> float | None:
        """How long after a time the first of some models' properties changed; None where none did."""
        later = [time for name in names if (time := self._changed.get(name, 0.0)) > begin]
        return min(later) - begin if later else None

    @property
    def whole(self) -> bool:
        """Whether all that a page shows at first is made, and nothing has come for a while."""
        made = all(self.rows.get(name) in MADE for name in ON_THE_PAGE)
        still = time.perf_counter() - self.latest > STILL
        return made and still and "running" not in self.rows.values() and SERIES in self._names.values()


@dataclasses.dataclass(frozen=True)
class Answer:
    """Seconds from a turn to the stars and their number, and to the tracks; None where they did not come."""

    stars: float | None
    tracks: float | None


class Visitor:
    """One visitor of a page, with a hand of their own."""

    def __init__(self, address: str, seed: int) -> None:
        self._address, self._seed = address, seed
        self._protocol = Protocol()
        self._receiver = Receiver(self._protocol)
        self.known = Known()
        self._heard = asyncio.Event()
        # What is waited for may come to be by time alone.
        self._sequence = 0

    async def arrive(self) -> None:
        """Open the page and stay until all that it shows at first is there."""
        fetched = await AsyncHTTPClient().fetch(self._address, request_timeout=PATIENCE)
        socket = await websocket_connect(
            self._address.replace("http", "ws", 1) + "/ws",
            subprotocols=["bokeh", token_of(fetched.body.decode())],
            max_message_size=LARGEST,
        )
        self._socket = WebSocketClientConnectionWrapper(socket)
        # Who asks before the server says that it is ready is turned away.
        await self._message_of("ACK")
        await self._protocol.create("PULL-DOC-REQ").send(self._socket)
        self.known.learn((await self._message_of("PULL-DOC-REPLY")).content["doc"])
        self._listening = asyncio.create_task(self._listen())
        await self._tell("Address", {"text": ""})
        await self._send(_event("document_ready", {}))
        await self._until(lambda: self.known.shape[0], PATIENCE)
        await self._ask_for_pixels()
        if not await self._until(lambda: self.known.whole, PATIENCE):
            raise TimeoutError(f"the page did not come to rest within {PATIENCE:g} s: {self.known.rows}")

    async def turn(self, knob: str, value: Any) -> Answer:
        """Turn a knob as a hand on its slider does, which lets go once the stars are there."""
        begin = time.perf_counter()
        # What stays as it was is not sent again; the knob's own value comes last, and always.
        stars, tracks = ((f"{name}.data", "KnobPanel.values") for name in (STARS, SERIES))
        await self._tell("KnobPanel", {"knob": knob, "value": value, "live": True})
        shown = await self._until(lambda: self.known.since(begin, *stars), LONGEST)
        await self._tell("KnobPanel", {"knob": knob, "value": value, "live": False})
        followed = await self._until(lambda: self.known.since(begin, *tracks), LONGEST)
        return Answer(shown, followed)

    async def keep_turning(self, knobs: Iterable[str], turns: int, pause: float) -> list[Answer]:
        """Turn a knob every now and then."""
        answers, chance = [], random.Random(self._seed)
        for knob, value in itertools.islice(hand(self._seed, knobs), turns):
            await asyncio.sleep(pause * chance.uniform(0.5, 1.5))
            answers.append(await self.turn(knob, value))
        return answers

    def leave(self) -> None:
        """Close the page."""
        self._listening.cancel()
        self._socket.close(1000, "left")

    async def _ask_for_pixels(self) -> None:
        self._sequence += 1
        asked = {"sequence": self._sequence, **fitted(*self.known.shape)}
        data = {"type": "map", "entries": [[name, [value]] for name, value in asked.items()]}
        await self._send({"kind": "ModelChanged", "model": {"id": self.known.request}, "attr": "data", "new": data})

    async def _tell(self, component: str, data: dict[str, Any]) -> None:
        """Send a component's message."""
        written = {"type": "map", "entries": [list(pair) for pair in data.items()]}
        await self._send(_event("data_event", {"model": {"id": self.known.models[component]}, "data": written}))

    async def _send(self, event: dict[str, Any]) -> None:
        await patch_doc(patch_doc.create_header(), {}, {"events": [event]}).send(self._socket)

    async def _message(self) -> Message[Any]:
        while True:
            fragment = await self._socket.read_message()
            if fragment is None:
                raise ConnectionError("the server closed the websocket")
            message = await self._receiver.consume(fragment)
            if message is not None:
                return message

    async def _message_of(self, kind: str) -> Message[Any]:
        while (message := await self._message()).msgtype != kind:
            pass
        return message

    async def _listen(self) -> None:
        try:
            while True:
                message = await self._message()
                if message.msgtype == "ERROR":
                    raise ConnectionError(message.content["text"])
                if message.msgtype == "PATCH-DOC":
                    for event in message.content["events"]:
                        self.known.hear(event)
                self._heard.set()
        finally:
            self._heard.set()

    async def _until(self, rule: Callable[[], T | None], patience: float) -> T | None:
        """Wait until a rule gives something, and give that; None where it does not in time."""
        end = time.perf_counter() + patience
        while not (given := rule()):
            if self._listening.done():
                self._listening.result()
            if time.perf_counter() > end:
                return None
            self._heard.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), STILL)
        return given


def _event(name: str, values: dict[str, Any]) -> dict[str, Any]:
    written = {"type": "map", **({"entries": [list(pair) for pair in values.items()]} if values else {})}
    return {
        "kind": "MessageSent",
        "msg_type": "bokeh_event",
        "msg_data": {"type": "event", "name": name, "values": written},
    }


async def visit(options: argparse.Namespace) -> None:
    """Have visitors come one after another, turn knobs together at a line that is read, and leave at the next."""
    visitors = []
    for seed in range(options.visitors):
        visitors.append(Visitor(options.address, seed))
        await visitors[-1].arrive()
        print(json.dumps({"here": seed + 1}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    begin, processor = time.perf_counter(), time.process_time()
    hands = (visitor.keep_turning(options.knobs, options.turns, options.pause) for visitor in visitors)
    answers = [dataclasses.astuple(answer) for answers in await asyncio.gather(*hands) for answer in answers]
    busy = (time.process_time() - processor) / (time.perf_counter() - begin)
    print(json.dumps({"answers": answers, "busy": busy}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for visitor in visitors:
        visitor.leave()
    # The server is told before this process ends.
    await asyncio.sleep(STILL)


def main() -> None:
    """Visit an address."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.websocket_visitor")
    parser.add_argument("address")
    parser.add_argument("--visitors", type=int, default=1)
    parser.add_argument("--knobs", nargs="+", choices=("threshold", "sharpness", "roundness"), default=("threshold",))
    parser.add_argument("--turns", type=int, default=60, help="of each visitor")
    parser.add_argument("--pause", type=float, default=2, help="seconds between turns, on average")
    asyncio.run(visit(parser.parse_args()))


if __name__ == "__main__":
    main()
