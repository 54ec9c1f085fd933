"""Import code by the names in params.yaml, such as ``data.source.rows``."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from assay.errors import PluginError
from assay.project import extras, source_code
from assay.project.text import counted, suggest


def resolve(
    reference: str,
    *,
    key: str,
    root: Path | None = None,
    read: source_code.Reader | None = None,
) -> Any:
    """The object that ``reference`` names.

    Parameters
    ----------
    reference
        The module's name, a dot and the name of the object in it.
    key
        The params.yaml key that holds it, for errors; or an option of the command line.
    root
        A folder to import from first: the project root, for the user's own code.
    read
        Reads the project's own files, if not from ``root``.

    Raises
    ------
    PluginError
        The module cannot be imported, or has no such attribute.
    ExtraMissing
        It is in a library that one of Assay's extras brings.
    """
    module_name, _, name = reference.rpartition(".")
    where = key if key.startswith("-") else f"params.yaml: {key}"
    if read is None and root is not None:
        read = source_code.file_reader(root)
    own = {} if read is None else source_code.find_dependencies(read, [module_name])
    with source_code.import_from_files(own, root):
        module = _import(module_name, reference, where, root)
    if not _has(module, name):
        raise PluginError(
            f"{module_name} has no '{name}'",
            where=where,
            found=reference,
            fix=suggest(name, dir(module)) or f"Look into {module.__file__}.",
        )
    return getattr(module, name)


def require_function(thing: Any, reference: str, where: str) -> None:
    """Refuse what `resolve` found if it is no function, or an object that is called like one.

    Raises
    ------
    PluginError
        It is a class, or cannot be called.
    """
    if not callable(thing) or isinstance(thing, type):
        kind = "a class" if isinstance(thing, type) else f"of type {type(thing).__name__}"
        raise PluginError("no function", where=where, found=f"{reference}, which is {kind}")


def check_call(thing: Any, takes: Sequence[str], *, where: str, reference: str) -> None:
    """Check that ``thing`` is a function that can be called with these arguments, by position.

    Parameters
    ----------
    thing, reference
        What `resolve` found, and its name.
    takes
        What each argument is, in words.

    Raises
    ------
    PluginError
        It is no function, or asks for other arguments.
    """
    require_function(thing, reference, where)
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):  # written in C, without a signature
        return
    try:
        signature.bind(*takes)
    except TypeError as error:
        called = f"{counted(len(takes), 'argument')}: {', '.join(takes)}" if takes else "nothing"
        raise PluginError(
            f"the function cannot be called as it will be: {error}",
            where=where,
            expected=f"a function that is called with {called}",
            found=f"{reference}{signature}",
        ) from None


def _has(module: ModuleType, name: str) -> bool:
    try:
        return hasattr(module, name)
    except ImportError:  # a module that imports its attributes when they are asked for
        return False


def _import(module_name: str, reference: str, where: str, root: Path | None) -> ModuleType:
    if root is not None:
        _forget_other_projects(module_name.partition(".")[0], root)
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        extras.raise_if_missing(error)
        missing = error.name or module_name
        mine = module_name == missing or module_name.startswith(f"{missing}.")
        raise PluginError(
            f"cannot import '{missing}'" + ("" if mine else f", which {module_name} needs"),
            where=where,
            found=reference,
            fix="Check the spelling, or install the package that holds it.",
        ) from None
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"importing {module_name} failed with {type(error).__name__}: {error}",
            where=where,
            found=f"{reference}{source_code.raised_at(error)}",
            fix="Install OpenMP, such as the package libgomp1 of Debian or libomp of Homebrew."
            if "libgomp" in str(error) or "libomp" in str(error)
            else f"Try: python -c 'import {module_name}'.",
        ) from None


def _forget_other_projects(top: str, root: Path) -> None:
    """Unload modules of the same top-level name that were imported from another project."""
    if not ((root / top).is_dir() or (root / f"{top}.py").is_file()):
        return
    for name in [n for n in sys.modules if n == top or n.startswith(f"{top}.")]:
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or not Path(file).resolve().is_relative_to(root.resolve()):
            del sys.modules[name]
