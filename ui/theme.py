"""The look of Material's parts: colours, type and measures, for both themes."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import Any

from bokeh.util.warnings import BokehUserWarning

from ui.colours import PALETTES, Palette

# Material's theme writes style sheets in the browser, which sends them back with models that Bokeh knows already. Said
# before any thread runs, or a thread that saves and restores the filters would take this one away.
warnings.filterwarnings("ignore", message="reference already known", category=BokehUserWarning)

TOP_BAR = 48
LEFT = 300
RIGHT = 420
RAIL = 56
# Beside both columns a window of 1366 pixels has just the room for the picture's tools.
NARROW_BELOW = 1365
# Beside the stages alone the tools have no room in a smaller one, as a page has that is enlarged to twice its size.
SLIM_BELOW = 899
MILLISECONDS = 120
FONT = "Roboto, sans-serif"
NARROW = f"@media (max-width: {NARROW_BELOW}px)"
SLIM = f"@media (max-width: {SLIM_BELOW}px)"


def _components(palette: Palette) -> dict[str, Any]:
    flat = {"boxShadow": "none", "backgroundImage": "none"}
    bar = {"minHeight": f"{TOP_BAR}px !important", "height": f"{TOP_BAR}px", "padding": "0 16px !important"}
    button = {
        "height": "32px",
        "padding": "0 12px",
        "borderRadius": "6px",
        "font": f"400 14px/20px {FONT}",
        "textTransform": "none",
        "letterSpacing": 0,
        "whiteSpace": "nowrap",
        "minWidth": 0,
        "boxShadow": "none !important",
    }
    focus = {"&.Mui-focusVisible": {"outline": f"2px solid {palette.accent}", "outlineOffset": "2px"}}
    contained = {
        "backgroundColor": palette.accent,
        "color": palette.accent_text,
        "&:hover": {"backgroundColor": palette.text},
        "&.Mui-disabled": {"backgroundColor": palette.field, "color": palette.third},
    }
    line = f"1px solid {palette.hairline}"
    scrolled = {"scrollbarWidth": "thin", "scrollbarColor": f"{palette.strong} transparent", "overflowX": "hidden"}
    return {
        "MuiButtonBase": {"defaultProps": {"disableRipple": True}},
        "MuiAppBar": {
            "styleOverrides": {
                "root": {**flat, "backgroundColor": palette.panel, "color": palette.text, "borderBottom": line}
            }
        },
        "MuiToolbar": {"styleOverrides": {"root": bar}},
        "MuiDrawer": {
            "styleOverrides": {
                "paper": {**flat, **scrolled, "backgroundColor": palette.panel, "borderColor": palette.hairline}
            }
        },
        "MuiPaper": {"styleOverrides": {"root": {"backgroundImage": "none"}}},
        "MuiButton": {
            "styleOverrides": {
                "root": {**button, **focus, NARROW: {"padding": "0 6px"}, "&.MuiButton-contained": contained},
                "text": {"color": palette.text, "&:hover": {"backgroundColor": palette.field}},
                "outlined": {
                    "color": palette.text,
                    "borderColor": palette.strong,
                    "&:hover": {"backgroundColor": palette.field},
                },
                "startIcon": {"marginRight": "8px", "marginLeft": 0},
                "endIcon": {
                    "marginLeft": "10px",
                    "& svg": {"display": "none"},
                    # A thin chevron in place of Material's filled triangle.
                    "&::after": {
                        "content": '""',
                        "width": "6px",
                        "height": "6px",
                        "margin": "0 2px 4px",
                        "border": f"solid {palette.second}",
                        "borderWidth": "0 1.6px 1.6px 0",
                        "transform": "rotate(45deg)",
                    },
                },
            }
        },
        "MuiIconButton": {
            "styleOverrides": {
                "root": {
                    **focus,
                    "borderRadius": "6px",
                    "padding": "7px",
                    "color": palette.second,
                    "&:hover": {"backgroundColor": palette.field},
                    "&.Mui-disabled": {"color": palette.strong},
                }
            }
        },
        "MuiMenu": {
            "styleOverrides": {
                "paper": {**scrolled, "border": line, "backgroundColor": palette.raised, "maxHeight": "70vh"}
            }
        },
        "MuiMenuItem": {
            "styleOverrides": {
                "root": {
                    # A menu hangs outside the page, and would keep the ink of the theme that it was made in.
                    "color": palette.text,
                    "font": f"400 14px/20px {FONT}",
                    "minHeight": "32px",
                    "padding": "4px 16px",
                }
            }
        },
        "MuiTabs": {
            "styleOverrides": {
                "root": {"minHeight": f"{TOP_BAR}px", "paddingLeft": "16px"},
                "indicator": {"backgroundColor": palette.text},
                # Eight tabs have their place in the column.
                "list": {"justifyContent": "space-between"},
                "flexContainer": {"justifyContent": "space-between"},
            }
        },
        "MuiTab": {
            "styleOverrides": {
                "root": {
                    "font": f"400 13px/20px {FONT}",
                    "textTransform": "none",
                    "letterSpacing": 0,
                    "minWidth": 0,
                    "minHeight": f"{TOP_BAR}px",
                    "padding": "0 2px",
                    "color": palette.second,
                    "&.Mui-selected": {"color": palette.text},
                    "&.Mui-focusVisible": {"outline": f"2px solid {palette.accent}", "outlineOffset": "-4px"},
                }
            }
        },
        "MuiDialog": {
            "styleOverrides": {
                "paper": {
                    **flat,
                    "backgroundColor": palette.raised,
                    "border": line,
                    "borderRadius": "8px",
                    # Material's own grey is hardly seen on a dark ground.
                    "& > .MuiBox-root > .MuiIconButton-root": {"color": f"{palette.second} !important"},
                }
            }
        },
        "MuiDialogContent": {
            "styleOverrides": {
                "root": {**scrolled, "font": f"400 14px/20px {FONT}", "padding": "0 16px 16px !important"}
            }
        },
        "MuiDialogTitle": {"styleOverrides": {"root": {"font": f"700 20px/24px {FONT}", "padding": "16px"}}},
        "MuiTooltip": {
            "styleOverrides": {
                "tooltip": {
                    "backgroundColor": "#E8EAED",
                    "color": "#1B1F24",
                    "font": f"400 12px/16px {FONT}",
                    "maxWidth": "280px",
                    "width": "max-content",
                },
                "arrow": {"color": "#E8EAED"},
            }
        },
        "MuiInputBase": {"styleOverrides": {"root": {"font": f"400 14px/20px {FONT}"}}},
    }


def _scheme(palette: Palette) -> dict[str, Any]:
    quick = dict.fromkeys(
        ("shortest", "shorter", "short", "standard", "complex", "enteringScreen", "leavingScreen"), MILLISECONDS
    )
    return {
        "palette": {
            "primary": {"main": palette.accent, "contrastText": palette.accent_text},
            "background": {"default": palette.page, "paper": palette.panel},
            "text": {"primary": palette.text, "secondary": palette.second},
            "divider": palette.hairline,
            "error": {"main": palette.failed},
        },
        "typography": {"fontFamily": FONT, "fontSize": 14, "body1": {"fontSize": "14px", "lineHeight": "20px"}},
        "shape": {"borderRadius": 6},
        "transitions": {"duration": quick},
        "components": _components(palette),
    }


# What stands before the first model is drawn: the page's ground and its name, where the page will write it.
FIRST_PAINT = f"""
html:root {{ background-color: {PALETTES["dark"].page}; }}
#loader {{
  background: none; pointer-events: none; align-items: flex-start; justify-content: flex-start; padding: 12px 50px;
}}
#loader::before {{ content: "Starshift"; font: 700 20px/24px {FONT}; color: {PALETTES["dark"].text}; }}
#loader .spinner {{ display: none; }}
"""
THEME = {mode: _scheme(palette) for mode, palette in PALETTES.items()}
# A message lies over the picture.
TOAST = {
    "position": "fixed", "top": "136px", "left": "calc(50% - 260px)", "z-index": "1200", "border-radius": "6px",
    "background": "var(--starshift-raised)",
}  # fmt: skip


def root_style(*, left_open: bool, right_open: bool, drawn: bool = True) -> dict[str, Any]:
    """Style of the page's root: the palettes as variables; a folded column's button shows, an open one's does not.

    Until the page is ``drawn`` it is not known how wide it is, and nothing may lie over a narrow one.
    """
    style: dict[str, Any] = {
        f"&.mui-{mode}": {f"--starshift-{name}": colour for name, colour in asdict(palette).items()}
        for mode, palette in PALETTES.items()
    }
    # In a narrow window the right column lies over the picture when it is open, beside the rail that opens it. What it
    # is moved out to is cut off, or the page would scroll sideways.
    style["&"] = {
        "position": "relative",
        "overflow": "hidden",
        "scrollbarColor": "var(--starshift-strong) transparent",
    }
    # The bar that scrolls the stages stands in their margin: none of them grows narrower when one is opened.
    style["& .sidebar > .MuiBox-root"] = {"width": f"{LEFT - 1}px"}
    style[NARROW] = {
        "& nav:has(.contextbar)": {
            "position": "absolute",
            "right": f"{RAIL}px",
            "top": 0,
            "zIndex": 1100,
            "width": f"{RIGHT if right_open and drawn else 0}px !important",
            "height": "100%",
            "overflow": "hidden",
        },
        "& .main": {"marginRight": "0 !important"},
        "& .contextbar": {"position": "absolute !important", "right": 0},
        "& .MuiAppBar-root > .MuiToolbar-root > .MuiIconButton-edgeEnd": {"display": "none"},
    }
    # In a slim one the stages do, too.
    style[SLIM] = {
        "& nav:has(.sidebar)": {
            "position": "absolute",
            "left": 0,
            "top": 0,
            "zIndex": 1100,
            "width": f"{LEFT if left_open and drawn else 0}px !important",
            "height": "100%",
            "overflow": "hidden",
        },
        "& .main": {"margin": "0 !important"},
    }
    style["& .MuiToolbar-root"] = {"margin": "0 !important"}
    style["& .MuiAppBar-root"] = {"height": f"{TOP_BAR}px", "boxSizing": "border-box"}
    style["& .MuiAppBar-root .MuiLinearProgress-root"] = {"display": "none"}
    buttons = "& .MuiAppBar-root > .MuiToolbar-root > .MuiIconButton-root"
    if left_open:
        style[f"{buttons}.MuiIconButton-edgeStart"] = {"display": "none"}
    if right_open:
        style[f"{buttons}.MuiIconButton-edgeEnd"] = {"display": "none"}
    return style
