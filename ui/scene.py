"""What the page shows of the frame in view: the results at hand, each with the key that says how it was made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.stage import STAGES
from ui.extras import EXTRAS


def lasts(stage: str) -> bool:
    """Whether a result is of the sequence, and stays when another frame is shown."""
    return EXTRAS[stage].lasts if stage in EXTRAS else stage in STAGES and STAGES[stage].scope == "sequence"


def same(one: tuple[Any, ...] | None, other: tuple[Any, ...]) -> bool:
    """Whether what was drawn is made of the same results, and of equal names, numbers and regions."""
    return (
        one is not None
        and len(one) == len(other)
        and all(a is b or (isinstance(a, str | int | tuple) and a == b) for a, b in zip(one, other, strict=True))
    )


@dataclass(frozen=True)
class Scene:
    """What the page shows: the results of one recipe, or of the one before where the new one is not there yet.

    Parameters
    ----------
    frame : int
        The frame that frame results belong to.
    results : dict of str to object
        By stage.
    keys : dict of str to str
        Their keys.
    """

    frame: int = 0
    results: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, stage: str) -> Any:
        return self.results.get(stage)

    def at(self, frame: int) -> Scene:
        """The scene at another frame, where results of single frames are not there yet."""
        if frame == self.frame:
            return self
        return replace(self.without([stage for stage in self.results if not lasts(stage)]), frame=frame)

    def with_result(self, stage: str, result: Any, key: str) -> Scene:
        """The scene with another result."""
        return replace(self, results={**self.results, stage: result}, keys={**self.keys, stage: key})

    def asked_again(self, stages: Collection[str]) -> Scene:
        """The scene whose results of some stages stay to be seen, but count as out of date: they have no keys."""
        return replace(self, keys={stage: key for stage, key in self.keys.items() if stage not in stages})

    def leaves_out(self, why: str) -> bool:
        """Whether this is why the frame is not used, which is no stage's fault."""
        return why in self._reasons()

    @property
    def unused(self) -> str:
        """Why the frame is not used; "" where it is, or where that is not known yet."""
        return next(filter(None, self._reasons()), "")

    def _reasons(self) -> list[str]:
        """What each result says of why the frame is not used, "" where it is."""
        frames = self["frames"]
        told = [] if frames is None else [frames.unusable]
        told += [self[stage].reason for stage in ("selection", "tracks", "shifts") if self[stage] is not None]
        return [one[self.frame] for one in told if self.frame < len(one)]

    def without(self, stages: Collection[str]) -> Scene:
        """The scene without some results."""
        results = {stage: result for stage, result in self.results.items() if stage not in stages}
        return replace(self.asked_again(stages), results=results)
