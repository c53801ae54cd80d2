"""Stage and STAGES: the one way to declare a stage of the pipeline.

A stage is a plain function. Its positional parameters name the results it needs, its keyword-only ones are knobs, each
annotated with a :class:`pipeline.knob.Knob`. Widgets, recipe entries, options, docs and keys follow from it.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin

from pipeline.knob import KINDS, KnobError, KnobSpec, Rectangle, cut, nearest


class Rerun(Exception):
    """A stage cannot answer from the result it was given; make that one again with another value of a knob.

    Parameters
    ----------
    stage : str
        The upstream stage to run again.
    knobs : dict
        Its knobs to replace.
    """

    def __init__(self, stage: str, **knobs: Any) -> None:
        super().__init__(stage, knobs)
        self.stage, self.knobs = stage, knobs


@dataclass(frozen=True)
class Stage:
    """A declared stage.

    Parameters
    ----------
    name : str
        The function's name.
    function : callable
        The function itself.
    version : int
        Raised whenever the same inputs give another result.
    scope : str
        "frame": made for each frame. "sequence": made once; results of frame stages reach it as a list, one entry for
        each frame of the sequence.
    inputs : tuple of str
        Names of the upstream results.
    knobs : dict of str to KnobSpec
        The knobs that stand under its name, in their order.
    takes : dict of str to str
        For each knob of its function the stage under which it stands: itself, or an earlier one.
    auto : callable or None
        Function of the same inputs, on the reference frame, that gives numbers for knobs left at "auto".
    sample : int
        A sequence stage that needs only so many frames, spread over the sequence; 0 for all of them.
    lazy : tuple of str
        Inputs of a sequence stage that are made only when indexed.
    without : callable or None
        Takes the knobs and gives the names of inputs that they do not need; those are None.
    """

    name: str
    function: Callable[..., Any]
    version: int
    scope: str
    inputs: tuple[str, ...]
    knobs: dict[str, KnobSpec] = field(default_factory=dict)
    takes: Mapping[str, str] = field(default_factory=dict)
    auto: Callable[..., dict[str, float]] | None = None
    sample: int = 0
    lazy: tuple[str, ...] = ()
    without: Callable[[Mapping[str, Any]], typing.Collection[str]] | None = None

    @functools.cached_property
    def purpose(self) -> str:
        """The first line of the function's docstring."""
        return inspect.getdoc(self.function).splitlines()[0]

    def needed(self, knobs: Mapping[str, Any]) -> tuple[str, ...]:
        """The inputs that a result with these knobs is made from."""
        spared = () if self.without is None else self.without(knobs)
        return tuple(name for name in self.inputs if name not in spared)

    def arguments(self, recipe: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Its function's knobs from a recipe's sections; no other knob plays a part in its result."""
        return {name: recipe[section][name] for name, section in self.takes.items()}

    def check(self, knobs: Mapping[str, Any]) -> dict[str, Any]:
        """Every knob in canonical form, missing ones at their default.

        Raises
        ------
        KnobError
            For an unknown name or a wrong value.
        """
        for name in knobs:
            if name not in self.knobs:
                raise KnobError(f"{self.name}.{cut(name)}: no such knob" + nearest(name, self.knobs))
        return {name: spec.check(knobs[name]) if name in knobs else spec.default for name, spec in self.knobs.items()}


STAGES: dict[str, Stage] = {}


def stage(
    *,
    version: int,
    scope: str = "frame",
    auto: Callable[..., dict[str, float]] | None = None,
    sample: int = 0,
    lazy: tuple[str, ...] = (),
    without: Callable[[Mapping[str, Any]], typing.Collection[str]] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the decorated function as a stage; the function itself stays as it is.

    Parameters
    ----------
    version : int
        Raised whenever the same inputs give another result.
    scope : str
        "frame" or "sequence".
    auto : callable, optional
        Takes the same inputs (those of the reference frame) and the stage's knobs as keyword arguments, and returns
        numbers for knobs that stand at "auto". The graph puts them in before it makes any key, so that all frames of
        a sequence share them; the stage function itself calls it too when it is given None.
    sample : int
        A sequence stage that needs only so many frames, spread over the sequence.
    lazy : tuple of str
        Inputs of a sequence stage that are made only when indexed.
    without : callable, optional
        Takes the knobs and gives the names of inputs that they do not need: those are passed as None, are not made and
        are not in the key.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters.values()
        inputs = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
        name = function.__name__
        specs = [_spec(name, p.name, hints[p.name], p.default) for p in parameters if p.kind is p.KEYWORD_ONLY]
        takes = {spec.name: spec.stage for spec in specs}
        knobs = {spec.name: spec for spec in specs if spec.stage == name}
        STAGES[name] = Stage(name, function, version, scope, inputs, knobs, takes, auto, sample, lazy, without)
        for spec in specs:
            # A knob that stands under an earlier stage joins those that stand there.
            STAGES[spec.stage].knobs[spec.name] = spec
        return function

    return declare


def _spec(declared: str, name: str, hint: Any, default: Any) -> KnobSpec:
    base, knob = get_args(hint)
    stage_name = knob.stage or declared
    options = [option for option in get_args(base) if option is not type(None)]
    if Rectangle in options:
        words = next(option for option in options if get_origin(option) is Literal)
        spec = KnobSpec(stage_name, name, "region", default, knob, tuple(get_args(words)))
        return KnobSpec(stage_name, name, spec.kind, spec.check(default), knob, spec.choices)
    if get_origin(base) in (Union, types.UnionType):
        (base,) = options
    if get_origin(base) is Literal:
        spec = KnobSpec(stage_name, name, "choice", default, knob, tuple(get_args(base)))
    else:
        spec = KnobSpec(stage_name, name, KINDS[base], default, knob)
    # A default that breaks its own bounds must fail at import, not in front of a user.
    return KnobSpec(stage_name, name, spec.kind, spec.check(default), knob, spec.choices)
