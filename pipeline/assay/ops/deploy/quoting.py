"""Quote values for the syntaxes of schedulers' files. Each function says where its text may stand.

A project's folder, store or Spark setting is free text: spaces, quotes, ``%``, ``$`` and braces
mean something else in each of these files, and must arrive as they are.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from assay.pages.templating import Quoted

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/@+-]*")
_NUMBERS = re.compile(r"[0-9]+(?:(?: |, |\|)[0-9]+)*")
_NOT_IN_YAML = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff]")


def plain(value: str) -> Quoted:
    """A text that needs no quotes anywhere.

    Raises
    ------
    ValueError
        It needs some.
    """
    if not _PLAIN.fullmatch(value):
        raise ValueError(f"not plain: {value!r}")
    return Quoted(value)


def shell(words: str | Sequence[str]) -> Quoted:
    r"""One word or several of a POSIX shell's command.

    >>> shell(["assay", "it's $5"])
    'assay \'it\'"\'"\'s $5\''
    """
    return Quoted(shlex.quote(words) if isinstance(words, str) else shlex.join(words))


def cron(words: str | Sequence[str]) -> Quoted:
    r"""Words of the command of a crontab's line, where a bare ``%`` ends the command.

    >>> cron(["date", "+%F"])
    'date +\\%F'
    """
    return Quoted(shell(words).replace("%", "\\%"))


def systemd(words: Sequence[str]) -> Quoted:
    """Words of a unit's command line. Nothing in them is expanded.

    >>> systemd(["/srv/100% $HOME"])
    '"/srv/100%% $$HOME"'
    """
    return Quoted(systemd_words(words).replace("$", "$$"))


def systemd_words(words: Sequence[str]) -> Quoted:
    """Words of a setting that takes a list, in which ``$`` means nothing."""
    return Quoted(" ".join(map(systemd_text, words)))


def systemd_text(text: str) -> Quoted:
    """One quoted word of a setting in which ``$`` means nothing, such as ``Environment=``."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return Quoted(f'"{escaped}"')


def systemd_path(path: str) -> Quoted:
    """The rest of a line that is one path, such as ``WorkingDirectory=``: no quotes are removed."""
    return Quoted(path.replace("%", "%%"))


def yaml(value: str) -> Quoted:
    r"""A double-quoted scalar, which is also one in JSON.

    >>> yaml("a: 'b' #c")
    '"a: \'b\' #c"'
    """
    text = json.dumps(value, ensure_ascii=False)
    return Quoted(_NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def yaml_words(words: Sequence[str]) -> Quoted:
    """A list of double-quoted scalars on one line."""
    return Quoted(f"[{', '.join(map(yaml, words))}]")


def kubernetes_words(words: Sequence[str]) -> Quoted:
    """The arguments of a container, in which ``$(NAME)`` is a variable.

    >>> kubernetes_words(["$(HOME)"])
    '["$$(HOME)"]'
    """
    return yaml_words([word.replace("$(", "$$(") for word in words])


def python(value: str) -> Quoted:
    """A literal of Python, in ASCII and in double quotes where these need no escape."""
    text = ascii(value)
    simple = not {'"', "'", "\\"} & set(text[1:-1])
    return Quoted(f'"{text[1:-1]}"' if simple else text)


def airflow_text(value: str) -> Quoted:
    """A literal of Python for a field that Airflow renders as a Jinja template."""
    return python(re.sub(r"\{(?=[{%#])", "{{ '{' }}", value))


def airflow(words: Sequence[str]) -> Quoted:
    """A shell's command, as `airflow_text`.

    Its last word must not look like a file: Airflow reads a command that ends in ``.sh`` from one.
    """
    return airflow_text(shell(words))


def numbers(text: str) -> Quoted:
    """Numbers that were joined.

    Raises
    ------
    ValueError
        There is something else among them.
    """
    if not _NUMBERS.fullmatch(text):
        raise ValueError(f"not numbers: {text!r}")
    return Quoted(text)


FILTERS: Mapping[str, Callable[..., Quoted]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            plain, shell, cron, systemd, systemd_text, systemd_words, systemd_path, yaml,
            yaml_words, kubernetes_words, python, airflow, airflow_text, numbers,
        )
    }
)  # fmt: skip
"""Name in a template -> function."""
