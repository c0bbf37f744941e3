"""The plan of the house as tests: floors, cycles, names, sizes, and what no module may do.

Every rule is a function of a source tree that returns sentences about what breaks it, so that the rules themselves
are tested on small trees that break them.
"""

import ast
import importlib
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

import pytest

import labile

SOURCE = Path(__file__).parents[1] / "src" / "labile"

FLOORS = {
    "core": 1,
    "models": 2,
    "lattice": 2,
    "fitting": 2,
    "formats": 2,
    "techniques": 3,
    "inference": 3,
    "diagrams": 3,
    "plots": 4,
    "study": 5,
    "cli": 6,
    "web": 6,
}
FORBIDDEN_NAMES = {"util", "utils", "helper", "helpers", "misc", "common", "base"}
LONGEST_MODULE = 600
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
NETWORK_MODULES = {"urllib", "urllib3", "requests", "socket", "http", "httpx", "aiohttp", "ftplib", "smtplib"}
UNSAFE_CALLS = {"eval", "exec", "__import__"}
HEAVY_LIBRARIES = {"scipy", "numba", "pandas", "xarray", "matplotlib", "plotly", "openpyxl"}
LIGHT_ROOMS = {"core", "formats", "cli"}
TECHNIQUE_TABLE = {"techniques/__init__.py", "techniques/description.py", "techniques/table.py"}
ONLY_IN = {
    "pint": ("core/units.py",),
    "matplotlib": ("plots/matplotlib_renderer.py",),
    "plotly": ("plots/plotly_renderer.py", "study/report.py"),
    "numba": ("models/", "lattice/"),
}
"""Libraries that are known in one place only; a new one is one line here and its reason in docs/decisions."""

DECLARED = {
    re.split(r"[^A-Za-z0-9_]", requirement)[0].lower()
    for requirement in tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text("utf-8"))["project"][
        "dependencies"
    ]
}


@dataclass(frozen=True)
class Import:
    """One import statement: what it names, where it stands, and whether importing the module runs it."""

    target: str
    line: int
    at_import: bool


@dataclass(frozen=True)
class Module:
    """A source file of the tree."""

    path: Path
    root: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @property
    def place(self) -> str:
        return self.path.relative_to(self.root).as_posix()

    @property
    def parts(self) -> tuple[str, ...]:
        parts = self.path.relative_to(self.root).with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    @property
    def name(self) -> str:
        return ".".join(("labile", *self.parts))

    @property
    def room(self) -> str:
        """The folder (or module) below labile; empty for labile itself."""
        return self.parts[0] if self.parts and self.parts[0] != "__main__" else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Module) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)


def modules(root: Path) -> list[Module]:
    return [Module(path, root) for path in sorted(root.rglob("*.py")) if "__pycache__" not in path.parts]


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def imports(module: Module, known: set[str]) -> Iterator[Import]:
    """All imports of a module, those inside functions too; relative ones and submodules resolved."""

    def visit(node: ast.AST, at_import: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_import) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.name.split(".")
                if module.path.name != "__init__.py":
                    package = package[:-1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, *([base] if base else [])])
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                yield Import(deeper if deeper in known else base, node.lineno, at_import)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for child in ast.iter_child_nodes(node):
                yield from visit(child, False)
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            for child in node.body:
                yield from visit(child, False)
            for child in node.orelse:
                yield from visit(child, at_import)
        else:
            for child in ast.iter_child_nodes(node):
                yield from visit(child, at_import)

    yield from visit(module.tree, True)


def references(module: Module) -> Iterator[Import]:
    """Modules named in strings such as ``"labile.formats.tables"``: imports that a table makes later."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = re.fullmatch(r"(labile(?:\.[a-z_][a-z0-9_]*)+)(?::\w+)?", node.value)
            # a two-part name is a label (an entry-point group, a logger) unless it names an object
            if match and (node.value.count(".") > 1 or ":" in node.value):
                yield Import(match[1], node.lineno, False)


def rooms_outside_the_plan(root: Path) -> list[str]:
    return [f"{m.place}: {m.room} is on no floor of the plan" for m in modules(root) if m.room not in {*FLOORS, ""}]


def floor_violations(root: Path) -> list[str]:
    """Imports from above, from a neighbour on the same floor, or from one technique into another."""
    found = []
    every = modules(root)
    known = {m.name for m in every}
    for module in every:
        if not module.room:
            continue
        for one in (*imports(module, known), *references(module)):
            parts = one.target.split(".")
            if parts[0] != "labile":
                continue
            where = f"{module.place}:{one.line}"
            if len(parts) == 1:
                if not _only_version(module, one.line):
                    found.append(f"{where}: imports from labile itself; name the module instead")
                continue
            target = parts[1]
            if target == module.room:
                mine, theirs = module.parts[1:2], tuple(parts[2:3])
                known = {"description", "table"}  # what the package knows of all rooms, which is names only
                if target == "techniques" and mine and theirs and mine != theirs and not known & {mine[0], theirs[0]}:
                    found.append(f"{where}: technique {mine[0]} imports technique {theirs[0]}")
            elif target not in FLOORS:
                found.append(f"{where}: {one.target} is on no floor of the plan")
            elif FLOORS[target] >= FLOORS.get(module.room, 0):
                relation = "above" if FLOORS[target] > FLOORS.get(module.room, 0) else "on the same floor"
                found.append(f"{where}: {module.room} imports {one.target}, which is {relation}")
    return found


def _only_version(module: Module, line: int) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.lineno == line and [a.name for a in node.names] == ["__version__"]
        for node in ast.walk(module.tree)
    )


def import_cycles(root: Path) -> list[str]:
    """Circles of imports that run when a module is imported."""
    every = modules(root)
    known = {m.name for m in every}
    edges = {m.name: sorted({i.target for i in imports(m, known) if i.at_import and i.target in known}) for m in every}
    done: set[str] = set()
    found: list[str] = []

    def follow(name: str, path: list[str]) -> None:
        if name in path:
            found.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for target in edges[name]:
                follow(target, [*path, name])
            done.add(name)

    for name in sorted(edges):
        follow(name, [])
    return found


def forbidden_names(root: Path) -> list[str]:
    return [
        f"{module.place}: {part} says nothing; name it by what a user would search for"
        for module in modules(root)
        for part in module.parts
        if part.strip("_").lower() in FORBIDDEN_NAMES
    ]


def long_modules(root: Path) -> list[str]:
    lengths = [(m.place, m.path.read_text(encoding="utf-8").count("\n")) for m in modules(root)]
    return [f"{place}: {n} lines, at most {LONGEST_MODULE}" for place, n in lengths if n > LONGEST_MODULE]


def unsafe_code(root: Path) -> list[str]:
    """Text run as code, pickles, the network, stubs."""
    found = []
    for module in modules(root):
        for one in imports(module, set()):
            if one.target.split(".")[0] in UNSAFE_MODULES | NETWORK_MODULES:
                found.append(f"{module.place}:{one.line}: imports {one.target}")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id in UNSAFE_CALLS | {"NotImplementedError"}:
                found.append(f"{module.place}:{node.lineno}: uses {node.id}")
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                    found.append(f"{module.place}:{node.value.lineno}: allows pickles")
    return found


def misplaced_libraries(root: Path) -> list[str]:
    """Heavy imports where reading a file or asking for help would pay for them; libraries out of their place."""
    found = []
    for module in modules(root):
        light = module.room in LIGHT_ROOMS or not module.room or module.place in TECHNIQUE_TABLE
        for one in imports(module, set()):
            library = one.target.split(".")[0]
            if light and one.at_import and library in HEAVY_LIBRARIES:
                found.append(f"{module.place}:{one.line}: imports {library} when it is loaded; do it in the function")
            if library in ONLY_IN and not module.place.startswith(ONLY_IN[library]):
                found.append(f"{module.place}:{one.line}: imports {library}, which is known in {ONLY_IN[library]} only")
    return found


def undeclared_libraries(root: Path) -> list[str]:
    """Imports of packages that pyproject.toml does not declare, even if another package happens to bring them."""
    return [
        f"{module.place}:{one.line}: imports {library}, which pyproject.toml does not declare"
        for module in modules(root)
        for one in imports(module, set())
        if (library := one.target.split(".")[0]) not in {*sys.stdlib_module_names, *DECLARED, "labile"}
    ]


def eager_front_door(root: Path) -> list[str]:
    """Anything but the standard library in labile/__init__.py, whose names must load on first use."""
    module = Module(root / "__init__.py", root)
    return [
        f"__init__.py:{one.line}: imports {one.target}; public names load on first use"
        for one in imports(module, set())
        if one.target.split(".")[0] not in sys.stdlib_module_names
    ]


def missing_public_names(package: ModuleType) -> list[str]:
    public = getattr(package, "__all__", [])
    repeated = sorted({name for name in public if list(public).count(name) > 1})
    return [f"{package.__name__}.{name}: does not exist" for name in public if not hasattr(package, name)] + [
        f"{package.__name__}.{name}: listed twice" for name in repeated
    ]


RULES = (
    rooms_outside_the_plan,
    floor_violations,
    import_cycles,
    forbidden_names,
    long_modules,
    unsafe_code,
    misplaced_libraries,
    undeclared_libraries,
    eager_front_door,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_source_keeps_the_rule(rule):
    assert modules(SOURCE), f"no source found in {SOURCE}"
    violations = rule(SOURCE)
    assert not violations, "\n".join(violations)


PACKAGES = ["labile", *(m.name for m in pkgutil.walk_packages(labile.__path__, "labile.") if m.ispkg)]


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_exist(name):
    assert not missing_public_names(importlib.import_module(name))


# the rules themselves, on trees that break them

GOOD_TREE = {
    "__init__.py": "from importlib import import_module\n",
    "__main__.py": "from labile.cli import main\n",
    "core/__init__.py": "",
    "core/units.py": "def registry():\n    import pint\n    return pint\n",
    "core/measurement.py": "from labile.core.units import registry\n",
    "formats/__init__.py": "",
    "formats/tables.py": "from ..core import measurement\nTABLE = {'x': 'labile.formats.tables'}\n",
    "models/__init__.py": "",
    "models/kernels.py": "import numba\n",
    "techniques/__init__.py": "TABLE = 'labile.techniques.magnetometry:ChiT'\n",
    "techniques/magnetometry.py": "from labile.models import kernels\n",
    "inference/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import labile.core.units\n",
    "study/__init__.py": "from labile import __version__\nfrom labile.techniques import TABLE\n",
    "cli.py": "def main():\n    from labile.study import TABLE\n    return TABLE\n",
}

BROKEN = {
    "a room that is not in the plan": (rooms_outside_the_plan, "physics/x.py", "", "no floor"),
    "import from above": (floor_violations, "core/x.py", "import labile.study\n", "above"),
    "import from above in a function": (
        floor_violations,
        "models/x.py",
        "def f():\n    from labile.techniques import TABLE\n",
        "above",
    ),
    "import from above for types": (
        floor_violations,
        "core/x.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from labile.models import kernels\n",
        "above",
    ),
    "import of a neighbour": (floor_violations, "formats/x.py", "from labile.models.kernels import f\n", "same floor"),
    "relative import of a neighbour": (
        floor_violations,
        "formats/x.py",
        "from ..models import kernels\n",
        "same floor",
    ),
    "reference to a neighbour in a string": (
        floor_violations,
        "formats/x.py",
        "WHERE = 'labile.models.kernels:f'\n",
        "same floor",
    ),
    "one technique from another": (
        floor_violations,
        "techniques/xas.py",
        "from labile.techniques.magnetometry import ChiT\n",
        "technique xas imports technique magnetometry",
    ),
    "the front door from inside": (floor_violations, "core/x.py", "from labile import read\n", "labile itself"),
    "a circle": (
        import_cycles,
        "core/units.py",
        "from labile.core.measurement import x\n",
        "labile.core.measurement -> labile.core.units -> labile.core.measurement",
    ),
    "a circle inside a class": (
        import_cycles,
        "core/units.py",
        "class A:\n    from labile.core.measurement import x\n",
        "labile.core.units",
    ),
    "a module called utils": (forbidden_names, "core/_utils.py", "", "_utils"),
    "a folder called common": (forbidden_names, "core/common/x.py", "", "common"),
    "a long module": (long_modules, "core/x.py", "x = 1\n" * 601, "601 lines"),
    "eval": (unsafe_code, "core/x.py", "x = eval('1')\n", "eval"),
    "exec in a function": (unsafe_code, "core/x.py", "def f(t):\n    exec(t)\n", "exec"),
    "pickle": (unsafe_code, "core/x.py", "def f():\n    from pickle import loads\n", "pickle"),
    "numpy pickles": (unsafe_code, "core/x.py", "import numpy\nnumpy.load('x', allow_pickle=True)\n", "pickles"),
    "a stub": (unsafe_code, "core/x.py", "def f():\n    raise NotImplementedError\n", "NotImplementedError"),
    "the network": (unsafe_code, "core/x.py", "import urllib.request\n", "urllib.request"),
    "scipy when a file is read": (misplaced_libraries, "formats/x.py", "import scipy.optimize\n", "scipy"),
    "pandas when the command line loads": (misplaced_libraries, "cli.py", "from pandas import DataFrame\n", "pandas"),
    "scipy in the technique table": (misplaced_libraries, "techniques/__init__.py", "import scipy\n", "scipy"),
    "pint beyond the edge": (misplaced_libraries, "models/x.py", "def f():\n    import pint\n", "pint"),
    "a package nobody declared": (undeclared_libraries, "core/x.py", "def f():\n    import attrs\n", "attrs"),
    "an eager front door": (eager_front_door, "__init__.py", "from labile.core.units import registry\n", "first use"),
}


def write(root: Path, files: dict[str, str]) -> Path:
    for place, text in files.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_accepts_a_tree_that_keeps_it(rule, tmp_path):
    assert rule(write(tmp_path, GOOD_TREE)) == []


@pytest.mark.parametrize("case", BROKEN)
def test_rule_finds_what_breaks_it(case, tmp_path):
    rule, place, text, says = BROKEN[case]
    violations = rule(write(tmp_path, {**GOOD_TREE, place: text}))
    assert len(violations) == 1
    assert says in violations[0]


def test_imports_inside_functions_make_no_circle(tmp_path):
    text = "def f():\n    from labile.core.measurement import x\n    return x\n"
    assert import_cycles(write(tmp_path, {**GOOD_TREE, "core/units.py": text})) == []


def test_missing_and_repeated_public_names_are_found():
    package = ModuleType("package")
    package.__all__ = ["present", "present", "absent"]
    package.present = 1
    assert missing_public_names(package) == ["package.absent: does not exist", "package.present: listed twice"]
