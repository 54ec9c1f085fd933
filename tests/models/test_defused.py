"""What data is called cannot end the script that Evidently writes it into."""

from __future__ import annotations

import json

import pytest

from assay.pages.templating import compose_page, escape_script_data

NAME = "</script></head><body><script>alert(1)</script>"
ROOT = "metric_" + "0" * 32


def document(name: str) -> str:
    data = json.dumps({"name": name, "more": {name: [1, float("nan")]}})
    return (
        f"<html><head><script>\n    var {ROOT} = {data};\n"
        f"    var additional_graphs_{ROOT} = {data};\n</script></head>"
        f"<body><script>draw({ROOT})</script></body></html>"
    )


@pytest.mark.parametrize("name", [NAME, f"var {ROOT} = {{", "<head>", "plain", '\\"<'])
def test_data_stays_data(name: str) -> None:
    safe = escape_script_data(document(name))
    assert safe.count("<") == document("plain").count("<")
    data, end = json.JSONDecoder().raw_decode(safe, safe.index("{"))
    assert data["name"] == name and list(data["more"]) == [name]
    assert safe[end:].startswith(";\n    var additional_graphs_")


def test_our_section_goes_into_the_body_and_nowhere_else() -> None:
    page = compose_page("title", "<p>ours</p>", document(NAME))
    assert page.count("<p>ours</p>") == 1
    assert (
        page.index("</script>")
        < page.index("</head>")
        < page.index("<p>ours</p>")
        < page.index("draw(")
    )
