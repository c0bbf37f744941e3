"""One set of electronic-state populations for every measurement on a switchable molecular crystal.

The public names below load their module when they are first used, so importing labile costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0.dev0"

_WHERE = {
    # nouns
    "Conditions": "labile.core.conditions:Conditions",
    "LightSource": "labile.core.conditions:LightSource",
    "Path": "labile.core.conditions:Path",
    "Material": "labile.core.material:Material",
    "State": "labile.core.material:State",
    "Measurement": "labile.core.measurement:Measurement",
    "Parameter": "labile.core.parameters:Parameter",
    "Parameters": "labile.core.parameters:Parameters",
    "Prior": "labile.core.parameters:Prior",
    "Tie": "labile.core.parameters:Tie",
    # files
    "identify": "labile.formats.registry:identify",
    "list_formats": "labile.formats.registry:formats",
    "read": "labile.formats.registry:read",
    # models
    "build": "labile.models.library:build",
    "equilibrium": "labile.models.equilibrium:equilibrium",
    "evolve": "labile.models.evolution:evolve",
    "transitions": "labile.models.transitions:transitions",
    # diagrams
    "phase_diagram": "labile.diagrams.phase_diagram:phase_diagram",
    "stability_map": "labile.diagrams.stability:stability_map",
    # joint fits
    "JointProblem": "labile.inference.joint_problem:JointProblem",
    "Objective": "labile.inference.objective:Objective",
    "Statement": "labile.inference.objective:Statement",
    "compare": "labile.inference.comparison:compare",
    "findings": "labile.inference.findings:findings",
    "fit_jointly": "labile.inference.joint_fit:fit_jointly",
    "joint_parameters": "labile.inference.joint_problem:joint_parameters",
    # studies
    "check": "labile.study.run:check",
    "new": "labile.cli.new_study:make_study",
    "run": "labile.study.run:run",
}

__all__ = ["__version__", *_WHERE]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'labile' has no attribute {name!r}")
    module, _, attribute = _WHERE[name].partition(":")
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
