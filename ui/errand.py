"""One way of the worker: what it goes for, and what it has got that is not shown yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.graph.request import Request, Ticket
from ui.scene import Scene

# What came of a stage, its key, and what ``prepare`` made of it; both None after a failure.
Arrived = dict[str, tuple[Any, str, Any]]


@dataclass
class Errand:
    """What the worker goes for, and what it has got that is not shown yet."""

    request: Request
    frame: int
    ticket: Ticket
    scene: Scene
    blamed: set[str] = field(default_factory=set)
    # Where an error was told of: the stages that stand on that one meet it too.
    told: dict[str, str] = field(default_factory=dict)
    arrived: Arrived = field(default_factory=dict)

    def add(self, stage: str, result: Any, key: str, prepared: Any) -> None:
        """Keep a result until it is shown."""
        self.scene = self.scene.with_result(stage, result, key)
        self.arrived[stage] = (result, key, prepared)

    def take(self) -> Arrived:
        """What is to be shown now."""
        arrived, self.arrived = self.arrived, {}
        return arrived
