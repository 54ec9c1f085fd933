"""Every quoting function is undone by what reads its syntax, whatever the text."""

from __future__ import annotations

import ast
import shlex
import subprocess
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from assay.ops.deploy import quoting
from assay.pages.templating import Quoted, render_config
from assay.project.params.monitoring import has_control_characters
from tests.ops.deploy.given import NASTY

LINES = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1) | st.text(
    "'\"\\$`%{}()#&|;<>*? a-", min_size=1
)
WORDS = st.lists(LINES, min_size=1, max_size=4)


def test_strategies_make_lines() -> None:
    assert has_control_characters("a\nb") and has_control_characters("\u2028")
    assert not has_control_characters(NASTY)


@given(WORDS)
def test_a_shell_splits_them_again(words: list[str]) -> None:
    assert shlex.split(quoting.shell(words)) == words


def test_a_real_shell_does(tmp_path: Path) -> None:
    line = quoting.shell(["printf", "%s\\n", NASTY])
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == f"{NASTY}\n"


@given(WORDS)
def test_cron_sees_no_bare_percent_sign(words: list[str]) -> None:
    line = quoting.cron(words)
    assert "%" not in line.replace("\\%", "")
    assert shlex.split(line.replace("\\%", "%")) == words


@given(WORDS)
def test_yaml_reads_them_again(words: list[str]) -> None:
    yaml = YAML(typ="safe", pure=True)
    assert yaml.load(f"a: {quoting.yaml_words(words)}\nb: {quoting.yaml(words[0])}") == {
        "a": words,
        "b": words[0],
    }


@given(LINES)
def test_kubernetes_expands_nothing(word: str) -> None:
    (found,) = YAML(typ="safe", pure=True).load(quoting.kubernetes_words([word]))
    assert "$(" not in found.replace("$$(", "")
    assert found.replace("$$(", "$(") == word or "$$(" in word


@given(LINES)
def test_python_reads_it_again(word: str) -> None:
    assert ast.literal_eval(quoting.python(word)) == word


@settings(deadline=None)
@given(LINES)
def test_airflow_renders_it_as_it_is(word: str) -> None:
    template = ast.literal_eval(quoting.airflow_text(word))
    assert jinja2.Environment(keep_trailing_newline=True).from_string(template).render() == word


@pytest.mark.parametrize(
    ("function", "text"), [(quoting.plain, "a b"), (quoting.plain, ""), (quoting.numbers, "4; id")]
)
def test_what_must_be_simple_is_checked(function: object, text: str) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="not "):
        function(text)


def test_a_template_cannot_forget_to_quote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "forgetful" / "templates"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "a").write_text("{{ text }}")
    (folder / "b").write_text("{{ text|shell }} {{ number }}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TypeError, match="not quoted"):
        render_config("forgetful", "a", quoting.FILTERS, text="$x")
    assert render_config("forgetful", "b", quoting.FILTERS, text="$x", number=3) == "'$x' 3\n"
    with pytest.raises(TypeError, match="not quoted"):
        render_config("forgetful", "a", {}, text=True)
    assert isinstance(quoting.shell("x"), Quoted)
