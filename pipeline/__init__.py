"""Starshift's pipeline: from raw frames to star offsets, offset maps and aligned images."""

__version__ = "0.1.0"
