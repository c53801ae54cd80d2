"""Visitors without a browser speak the page's protocol: what answers them is what a browser would get."""

import asyncio

from benchmarks.websocket_visitor import MADE, Visitor
from tests.browser.served import said


async def turned(address):
    visitor = Visitor(address, 1)
    await visitor.arrive()
    answers = [await visitor.turn("threshold", 25.0), await visitor.turn("sharpness", [0.3, 1.0])]
    visitor.leave()
    return answers, visitor


def test_a_visitor_without_a_browser_gets_the_page_and_an_answer_to_each_turn(app):
    answers, visitor = asyncio.run(turned(app.address))
    assert all(answer.stars and answer.tracks and answer.stars <= answer.tracks for answer in answers)
    assert visitor.known.rows["tracks"] in MADE
    assert visitor.known.shape > (0, 0)
    assert said(app.log) == []
