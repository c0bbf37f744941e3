"""One set of electronic-state populations for every measurement on a switchable molecular crystal.

The public names below load their module when they are first used, so importing labile costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0.dev0"

_WHERE = {
    "Conditions": "labile.core.conditions",
    "LightSource": "labile.core.conditions",
    "Path": "labile.core.conditions",
    "Material": "labile.core.material",
    "State": "labile.core.material",
    "Measurement": "labile.core.measurement",
    "Parameter": "labile.core.parameters",
    "Parameters": "labile.core.parameters",
    "Prior": "labile.core.parameters",
    "Tie": "labile.core.parameters",
    "identify": "labile.formats.registry",
    "read": "labile.formats.registry",
    "build": "labile.models.library",
}

__all__ = ["__version__", *_WHERE]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'labile' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
