"""What is painted in one of the page's two themes."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Themed(ABC):
    """A part of the page that can be painted anew in the other theme; its ``_theme`` is set when it is made."""

    _theme: str

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self._theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._theme = theme
        self._paint()

    @abstractmethod
    def _paint(self) -> None:
        """Take the theme's colours."""
