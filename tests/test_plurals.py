"""One of something is told in the singular: ``1 row``, never ``1 rows``.

Counts are written by `assay.project.text.counted`. Here every f-string of the package
is looked at: a value in braces before such a plural would say "1 rows" for one. ``3 of 7 rows`` is
left alone, as are constants in capitals, which are known not to be one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "pipeline" / "assay"
NOUNS = (
    "rows|nights|columns|tests|files|features|days|values|slices|versions|rules|labels|weeks|units|"
    "models|runs|incidents|tasks|classes|keys|groups|pairs|cases|messages|truths|nodes|bytes"
)
PLURAL = re.compile(rf"\s(?:(?!of |than |holds )[a-z]+ )?(?:{NOUNS})\b")
OF = re.compile(r"\bof (?:the |the last )?$")
DECIMALS = re.compile(r"\.\d+f")
IN_TEMPLATE = re.compile(r"\{\{(.*?)\}\}")
NO_COUNTS = {
    "keep_days": "Delta's own syntax of an interval",
    "', '.join(map(str, sorted(counts)))": "several numbers",
    "target": "a name",
}
"""Value -> why it may stand before a plural."""


def plurals_in_python(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each value in an f-string that a plural follows."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        before = ""
        for value, after in zip(node.values, [*node.values[1:], None], strict=True):
            follows = isinstance(after, ast.Constant) and PLURAL.match(str(after.value))
            if isinstance(value, ast.FormattedValue) and follows and not OF.search(before):
                shown, how = ast.unparse(value.value), value.format_spec
                known = shown.rpartition(".")[2].isupper() or shown in NO_COUNTS
                if not known and not (how and DECIMALS.search(ast.unparse(how))):
                    yield value.lineno, f"{{{shown}}}{follows[0]}"
            before = str(value.value) if isinstance(value, ast.Constant) else ""


def plurals_in_template(source: str) -> Iterator[tuple[int, str]]:
    """The same of a page's template."""
    for value in IN_TEMPLATE.finditer(source):
        follows = PLURAL.match(source, value.end())
        if follows and not OF.search(source[: value.start()]):
            yield source.count("\n", 0, value.start()) + 1, value[0] + follows[0]


def test_no_sentence_says_1_rows() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {words}"
        for suffix, look in ((".py", plurals_in_python), (".html", plurals_in_template))
        for path in sorted(PACKAGE.rglob(f"*{suffix}"))
        for line, words in look(path.read_text(encoding="utf-8"))
    ]
    assert not found, "write counted(n, 'row') instead:\n" + "\n".join(found)


def test_it_would_be_found() -> None:
    assert [*plurals_in_python("f'on {n:,} rows; {a} of {n} rows; {x:.1f} days; {MOST} rows'")] == [
        (1, "{n} rows")
    ]
    page = "<p>\n{{ n | count }} scored rows, {{ a }} of {{ n }} rows, {{ n | counted('row') }}"
    assert [*plurals_in_template(page)] == [(2, "{{ n | count }} scored rows")]
