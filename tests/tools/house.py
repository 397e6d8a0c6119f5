"""How the house is cut: files, lines, names. `python -m tests.tools.house [FOLDER]` prints it.

FOLDER is the root of a checkout, of this one if none is given; the ways of a change and of an admission
call (`tests.tools.trace`) are shown of this one only.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

OVERUSED = [
    "told",
    "found",
    "place",
    "kept",
    "made",
    "left",
    "gone",
    "words",
    "settled",
    "asked",
    "heard",
    "said",
]
"""Names that say nothing of the thing that they name."""
SMALL_LINES = 60
LARGE_LINES = 320


def modules(root: Path) -> dict[Path, str]:
    """Path below the root -> text of every module of the product, without its tests."""
    files = [*(root / "reverser").rglob("*.py"), *(root / "plugins").glob("*/[!t]*/**/*.py")]
    return {file.relative_to(root): file.read_text() for file in sorted(files)}


def defined(tree: ast.AST) -> Iterator[str]:
    """The names that a module gives: of functions, classes, arguments, fields and variables."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield name
            case ast.alias(asname=str(name)):
                yield name


def overused(files: dict[Path, str]) -> Counter[str]:
    """How often each overused word is given as a name, alone or with underscores around it."""
    names = [path.stem for path in files]
    for text in files.values():
        names += defined(ast.parse(text))
    return Counter(name for name in (each.strip("_").lower() for each in names) if name in OVERUSED)


def twins(files: dict[Path, str]) -> dict[str, list[Path]]:
    """Classes that are defined in two modules or more, with their modules."""
    found = defaultdict[str, list[Path]](list)
    for path, text in files.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(path)
    return {name: paths for name, paths in found.items() if len(paths) > 1}


def rows(root: Path) -> Iterator[tuple[str, str]]:
    """(what, how many)"""
    files = modules(root)
    rooms = {path: text.count("\n") for path, text in files.items() if path.name != "__init__.py"}
    core = sum(text.count("\n") for path, text in files.items() if path.parts[0] == "reverser")
    yield "files", f"{len(files)}, {len(rooms)} without __init__.py"
    yield "lines", f"{sum(text.count(chr(10)) for text in files.values()):,}, {core:,} in reverser/"
    yield "median lines of a module", f"{statistics.median(rooms.values()):.0f}"
    yield f"modules of at most {SMALL_LINES} lines", str(sum(each <= SMALL_LINES for each in rooms.values()))
    large = [f"{path} {lines}" for path, lines in rooms.items() if lines > LARGE_LINES]
    yield f"modules above {LARGE_LINES} lines", f"{len(large)} ({', '.join(large)})" if large else "0"
    yield "class names defined in two modules or more", str(len(twins(files)))
    counts = overused(files)
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    yield "overused words as names", f"{counts.total()} ({shown})"


def _ways() -> Iterator[tuple[str, str]]:
    from tests.tools.trace import admitted, scaled

    for what, traced in (("one scaled Deployment", scaled), ("one admission call", admitted)):
        with redirect_stdout(sys.stderr):
            trace = traced()
        shown = f"{len(trace.modules)} modules, {len(trace.functions)} functions"
        yield f"the way of {what}", f"{shown}, {trace.hand_overs} hand-overs"


def main() -> None:
    here = Path(__file__).parents[2]
    root = Path(sys.argv[1]).resolve() if sys.argv[1:] else here
    table = [*rows(root), *(_ways() if root == here else ())]
    width = max(len(what) for what, _ in table)
    for what, count in table:
        print(f"{what:{width}}  {count}")


if __name__ == "__main__":
    main()
