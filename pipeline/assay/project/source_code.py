"""The project's own Python files: find a module's dependencies, and import them from given texts.

The code that a model or a contract imports affects scores, so it is evidence like the model
itself. It is found by following ``import`` statements and identified by digest. It is imported
from the texts that were checked, never from the files on ``sys.path``.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import resolve_name, spec_from_loader
from pathlib import Path, PurePosixPath
from types import MappingProxyType, ModuleType
from typing import Any

from assay.errors import BundleChanged, PluginError
from assay.project import installed_code

Files = Mapping[str, str]
"""Path relative to the project root -> text of the file."""

NONE: Files = MappingProxyType({})

Reader = Callable[[str], str | None]
"""Function from such a path to the text; None if the file does not exist."""

_OURS = __name__.partition(".")[0]
_PREFIXES = ("", "src/")
_LOCK = threading.RLock()


def file_reader(root: Path) -> Reader:
    """A `Reader` for the files under ``root``."""

    def read(path: str) -> str | None:
        try:
            return (root / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    return read


def find_dependencies(
    read: Reader, modules: Iterable[str], files: Iterable[str] = ()
) -> dict[str, str]:
    """The project files that ``modules`` and ``files`` import, directly or indirectly, with them.

    Follows ``import`` statements, also those inside functions. Sorted by path.
    """
    starts = [*files, *(path for name in modules for path in _paths(name))]
    return _closure(read, imported_modules, _paths, starts)


def find_assay_dependencies(read: Reader, modules: Iterable[str]) -> dict[str, str]:
    """Like `find_dependencies`, for Assay's own modules; paths begin with the folder ``assay``."""
    starts = [path for name in modules for path in _paths_of_assay(name)]
    return _closure(read, _imported_by_assay, _paths_of_assay, starts)


def _closure(
    read: Reader,
    imported: Callable[[str, str], Iterable[str]],
    paths: Callable[[str], Iterable[str]],
    todo: list[str],
) -> dict[str, str]:
    seen: dict[str, str | None] = {}
    while todo:
        path = todo.pop()
        if path not in seen:
            text = seen[path] = read(path)
            if text is not None:
                todo += [inner for name in imported(text, path) for inner in paths(name)]
    return {path: text for path, text in sorted(seen.items()) if text is not None}


@lru_cache(maxsize=1024)
def imported_modules(text: str, path: str) -> tuple[str, ...]:
    """Every module that a file may import; empty if the file is not valid Python."""
    try:
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError):
        return ()
    package = ".".join(PurePosixPath(_bare(path)).parent.parts)
    modules = []
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            try:
                module = resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:
                continue  # beyond the top-level package: Python reports it at import
            modules += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return tuple(modules)


_FOR_TYPES = re.compile(r"^( *)if TYPE_CHECKING:\n(?:\1 .*\n|\n)*", re.MULTILINE)
_IMPORT = re.compile(r"^ *((?:from \S+ )?import (?:\([^)]*\)|[^\n(]+))", re.MULTILINE)


@lru_cache(maxsize=1024)
def _imported_by_assay(text: str, path: str) -> tuple[str, ...]:
    """`imported_modules` of a formatted file, and what its docstrings import, in an eighth of time.

    Only its import statements are parsed; if that fails, all of it.
    """
    brief = "\n".join(_IMPORT.findall(_FOR_TYPES.sub("", text)))
    return imported_modules(brief, path) or imported_modules(text, path)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement that may run, also inside others; expressions hold no imports."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for name in ("body", "orelse", "finalbody", "handlers", "cases")[types:]:
            inner = getattr(node, name, None)
            # The body of a lambda or a conditional expression is no list.
            if isinstance(inner, list):
                todo += inner


def third_party_modules(files: Files, modules: Iterable[str]) -> frozenset[str]:
    """Third-party top-level modules: not the project's, Assay's or the standard library's."""
    named = [
        *modules,
        *(name for path, text in files.items() for name in imported_modules(text, path)),
    ]
    own = {name.partition(".")[0] for name in module_paths(files)}
    tops = {name.partition(".")[0] for name in named}
    return frozenset(tops - own - sys.stdlib_module_names - {_OURS, ""})


def is_site(entry: str) -> bool:
    """Whether an entry of ``sys.path`` is a folder that packages are installed into."""
    return PurePosixPath(entry).name in ("site-packages", "dist-packages")


def is_own(path: Path, root: Path) -> bool:
    """Whether a file or folder lies in the project at ``root``, and in no environment inside it.

    Both are absolute and without symbolic links.
    """
    package = Path(__file__).resolve().parents[1]
    homes = (Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(), package)
    inside = [home for home in homes if home.is_relative_to(root)]
    installed = any(path.is_relative_to(home) for home in inside) or path == package.parent
    return path.is_relative_to(root) and not installed


def without_project(entries: Iterable[str], root: Path) -> list[str]:
    """Entries of ``sys.path`` without those that lie in the project at ``root``."""
    return [each for each in entries if not is_own(Path(each).resolve(), root.resolve())]


@contextmanager
def project_kept_out(root: Path) -> Iterator[None]:
    """Context in which nothing is imported from the project but by `import_from_files`."""
    before = sys.path
    sys.path = without_project(before, root)
    try:
        yield
    finally:
        sys.path = before


def refuse_loaded_files(root: Path) -> None:
    """Refuse what a process that has done nothing yet holds of the project.

    Raises
    ------
    PluginError
        A module of the project is loaded already, as a sitecustomize.py on PYTHONPATH is.
    """
    for path in loaded_files(root):
        raise PluginError(
            "Python loaded this file of the project by itself, and no digest would cover it",
            where=path,
            found=f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}",
            fix="Run it without PYTHONPATH, or move the file.",
        )


def loaded_files(root: Path) -> list[str]:
    """Files of the project that this process holds as modules, relative to ``root``, sorted."""
    paths, home = set(), root.resolve()
    for module in list(sys.modules.values()):
        if (file := getattr(module, "__file__", None)) is not None:
            path = Path(home, file).resolve()
            if is_own(path, home):
                paths.add(path.relative_to(home).as_posix())
    return sorted(paths)


def refuse_installed_names(modules: Mapping[str, str]) -> None:
    """Refuse modules of the project that are called as a module that is installed.

    Parameters
    ----------
    modules
        Name -> path of the file, as of `module_paths`.

    Raises
    ------
    PluginError
        Such a module: which of the two runs would depend on the path.
    """
    for name, path in sorted(modules.items()):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            taken = "Python itself brings"
        elif _is_in_site(top):
            brought = ", ".join(sorted({*installed_code.installed_distributions().get(top, ())}))
            taken = f"the installed package {brought or top} brings"
        else:
            continue
        raise PluginError(
            f"a module of the project has the name of one that {taken}",
            where=path,
            found=top,
            fix="Rename the project's, and what imports it.",
        )


@cache
def _is_in_site(top: str) -> bool:
    spec = PathFinder.find_spec(top, [entry for entry in sys.path if is_site(entry)])
    return spec is not None and spec.origin is not None  # of a folder without modules it is None


def digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def digest_texts(*parts: str) -> str:
    """Digest of several texts. Each is prefixed by its length, so ("ab", "c") != ("a", "bc")."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(f"{len(part.encode())}:".encode())
        whole.update(part.encode())
    return f"sha256:{whole.hexdigest()}"


def read_verified(read: Reader, digests: Mapping[str, str], where: str) -> dict[str, str]:
    """Read the files named in ``digests`` and verify their digests.

    Raises
    ------
    BundleChanged
        A file is missing or has another digest.
    """
    verified = {}
    for path, expected in digests.items():
        text = read(path)
        if text is None or digest(text) != expected:
            raise BundleChanged(
                "the project's own code is not what the model was trained with",
                where=f"{path}, which {where} needs",
                expected=f"sha256:{expected[:12]}",
                found="no such file" if text is None else f"sha256:{digest(text)[:12]}",
                fix="Run dvc repro to train and judge it with the code as it is, or take the "
                f"change back: git checkout -- {path}.",
            )
        verified[path] = text
    return verified


@contextmanager
def import_from_files(files: Files, root: Path | None = None) -> Iterator[None]:
    """Context in which modules of the project are imported from ``files``.

    Parameters
    ----------
    root
        Folder that the files are in, if they are on disk; used for ``__file__``.

    Notes
    -----
    The modules are removed from ``sys.modules`` at the end, because two bundles may need different
    versions of one module. Their later imports, inside functions, still use the same ``files``.
    """
    if not files:
        yield
        return
    with _set(tuple(sorted(files.items())), root).active():
        yield


def importing_builtins(files: Files) -> dict[str, Any]:
    """Python's built-ins with an ``__import__`` that imports from ``files``."""
    return _set(tuple(sorted(files.items())), None).builtins


def raised_at(error: BaseException) -> str:
    """Where in the project's own code an error was raised, with a comma before it; or empty."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        # The project's modules are compiled under relative names; so are libraries in Cython, .pyx.
        file = Path(frame.filename)
        if not file.is_absolute() and file.suffix == ".py":
            return f", {frame.filename}:{frame.lineno}"
    return ""


class _Set(MetaPathFinder, Loader):
    """The modules of one set of files, imported at most once."""

    def __init__(self, files: Files, root: Path | None) -> None:
        self.root = root
        self.paths = module_paths(files)
        refuse_installed_names(self.paths)
        self.files = files
        self.tops = {name.partition(".")[0] for name in self.paths}
        self.loaded: dict[str, ModuleType] = {}
        self.depth = 0
        self.builtins = {**vars(builtins), "__import__": self._import}

    @contextmanager
    def active(self) -> Iterator[None]:
        with _LOCK:
            if self.depth:
                yield
                return
            others = self._taken()
            sys.modules.update(self.loaded)
            sys.meta_path.insert(0, self)
            self.depth += 1
            try:
                yield
            finally:
                self.depth -= 1
                sys.meta_path.remove(self)
                self.loaded = self._taken()
                sys.modules.update(others)

    def _taken(self) -> dict[str, ModuleType]:
        """Remove the modules with our names from ``sys.modules`` and return them."""
        names = [name for name in sys.modules if name.partition(".")[0] in self.tops]
        return {name: sys.modules.pop(name) for name in names}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        above = any(name.startswith(f"{fullname}.") for name in self.paths)
        if fullname not in self.paths and not above:
            return None
        return spec_from_loader(fullname, self, is_package=above or self._is_package(fullname))

    def _is_package(self, name: str) -> bool:
        return self.paths.get(name, "").endswith("/__init__.py")

    def exec_module(self, module: ModuleType) -> None:
        path = self.paths.get(module.__name__)
        if path is None:
            return  # a folder without __init__.py
        module.__file__ = path if self.root is None else str(self.root / path)
        module.__dict__["__builtins__"] = self.builtins
        exec(compile(self.files[path], path, "exec", dont_inherit=True), module.__dict__)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Python's ``__import__``; for one of our modules it runs within :meth:`active`."""
        top = name if not level else (globals or {}).get("__package__") or ""
        if top.partition(".")[0] not in self.tops:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        with self.active():
            return builtins.__import__(name, globals, locals, fromlist or (), level)


@lru_cache(maxsize=16)
def _set(files: tuple[tuple[str, str], ...], root: Path | None) -> _Set:
    return _Set(dict(files), root)


def module_paths(files: Iterable[str]) -> dict[str, str]:
    """Module name of each file -> its path."""
    paths = {}
    for path in files:
        parts = PurePosixPath(_bare(path)).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        paths[name] = path
    return paths


def _bare(path: str) -> str:
    return path.removeprefix("src/")


def _paths(module: str) -> Iterator[str]:
    """Candidate paths in the project of a module and its parent packages."""
    parts = module.split(".")
    if parts[0] == _OURS or not all(part.isidentifier() for part in parts):
        return
    for prefix in _PREFIXES:
        yield from (f"{prefix}{path}" for path in _along(parts))


@lru_cache(maxsize=8192)
def _paths_of_assay(module: str) -> tuple[str, ...]:
    parts = module.split(".")
    return tuple(_along(parts)) if parts[0] == _OURS else ()


def _along(parts: Sequence[str]) -> Iterator[str]:
    for end in range(1, len(parts) + 1):
        base = "/".join(parts[:end])
        yield from (f"{base}.py", f"{base}/__init__.py")
