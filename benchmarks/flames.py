"""Pictures of where the time goes: ``python -m benchmarks.flames``, after ``make demo``.

In a copy of the demonstration, one night is scored, one gate judged, and all stages run after a
changed parameter, each with its processes under py-spy. A column is time in which a thread works,
as wide as its share; what is below a frame was called by it. Frames of Python's import and of the
command line, and those too narrow to see, are left out. Writes docs/images/flames-NAME.svg.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from assay.project import layout
from assay.project.params import yaml_text
from benchmarks import peer_env
from benchmarks.contender import ROOT
from benchmarks.measure import say
from benchmarks.repro import CHANGED, FAILED_STAGE
from benchmarks.start import HELD, NIGHT, TOOLS, StartFailed, copy_demonstration

IMAGES = ROOT / "docs" / "images"
RUNS = {
    "night": (f"assay score --from {NIGHT} --to {NIGHT} --force", 200),
    "gate": ("assay stage gate", 200),
    "repro": ("dvc repro", 50),
}
"""What is run, and samples a second."""
ENDS = (0, HELD, FAILED_STAGE)

WIDTH, ROW, LETTER, NARROW = 1200, 17, 6.3, 6.0
"""In pixels; a frame below ``NARROW`` is left out."""
COLOURS = {"process": "#9db8d2", "ours": "#f2a65a", "import": "#b9d8a8", "other": "#e4e0d4"}
LEGEND = {
    "process": "a process", "ours": "Assay's", "import": "imported", "other": "called in libraries"
}  # fmt: skip
UNSEEN = re.compile(r"<frozen|\((?:click|typer|runpy|multiprocessing)\b|\((?:assay|dvc)[:\d]*\)$")

Tree = dict[str, "Node"]


class Node:
    """A frame in its place: how often it was seen there, and what it called."""

    def __init__(self) -> None:
        self.count, self.children = 0, {}  # type: int, Tree


def frames(stack: str) -> list[str]:
    """What is shown of a stack in py-spy's raw format, outermost first, without folders."""
    found: list[str] = []
    for each in stack.split(";"):
        process = re.match(r'process \d+:"(.*)"$', each)
        if process:
            words = [word.rpartition("/")[2] for word in process[1].split()]
            words = words[words.index("-m") :] if "-m" in words else words
            name = " ".join(words[1:] if words and words[0].startswith("python") else words)
            found.append(f"process: {name[:60]}")
        elif not UNSEEN.search(each):
            name, _, file = re.sub(r":\d+\)$|\)$", "", each).rpartition(" (")
            file = re.sub(r"^.*(?:site-packages|pipeline|lib/python[\d.]+)/", "", file)
            found.append(f"{name} ({file.lstrip('/')})")
    return found


def grown(lines: Iterable[str]) -> Node:
    """The tree of stacks with their counts."""
    root = Node()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        node = root
        node.count += int(count)
        for name in frames(stack):
            node = node.children.setdefault(name, Node())
            node.count += int(count)
    return root


def boxes(
    tree: Mapping[str, Node], left: float, depth: int, pixels: float
) -> Iterator[tuple[str, float, int, float, int]]:
    """Name, left edge, depth, width and count of each frame that is wide enough."""
    for name, node in sorted(tree.items(), key=lambda item: -item[1].count):
        width = node.count * pixels
        if width >= NARROW:
            yield name, left, depth, width, node.count
            yield from boxes(node.children, left, depth + 1, pixels)
        left += width


def kind(name: str) -> str:
    if name.startswith("process: "):
        return "process"
    if name.startswith("<module>"):
        return "import"
    return "ours" if "(assay/" in name else "other"


def picture(root: Node, title: str) -> str:
    """As SVG."""
    shown = list(boxes(root.children, 0.0, 0, WIDTH / max(root.count, 1)))
    high = ROW * (max(depth for _, _, depth, _, _ in shown) + 3)
    made = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high}" '
        f'font-family="monospace" font-size="10.5">',
        f'<rect width="{WIDTH}" height="{high}" fill="#fff"/>',
        f'<text x="4" y="13">{escape(title)}</text>',
    ]
    for place, (what, colour) in enumerate(COLOURS.items()):
        x = WIDTH - 150 * (len(COLOURS) - place)
        made.append(f'<rect x="{x}" y="4" width="10" height="10" fill="{colour}"/>')
        made.append(f'<text x="{x + 14}" y="13">{LEGEND[what]}</text>')
    for name, left, depth, width, count in shown:
        y, share = ROW * (depth + 1) + 4, count / root.count
        made.append(
            f'<rect x="{left:.1f}" y="{y}" width="{width - 0.5:.1f}" height="{ROW - 1}" '
            f'fill="{COLOURS[kind(name)]}"><title>{escape(name)}: {share:.1%}</title></rect>'
        )
        letters = int((width - 4) / LETTER)
        if letters > 3:
            text = name if len(name) <= letters else name[: letters - 1] + "…"
            made.append(f'<text x="{left + 2:.1f}" y="{y + 12}">{escape(text)}</text>')
    return "\n".join([*made, "</svg>"]) + "\n"


def recorded(root: Path, spy: Path, command: str, rate: int) -> list[str]:
    """Stacks of a command and of all that it started, with their counts.

    Raises
    ------
    StartFailed
        It ended otherwise than it should.
    """
    raw = root.parent / "stacks.txt"
    path = os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)])
    options = ["--subprocesses", "--function", "--format", "raw", "--rate", str(rate)]
    done = subprocess.run(
        [str(spy), "record", *options, "--output", str(raw), "--", *command.split()],
        cwd=root,
        env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in ENDS or not raw.is_file():
        raise StartFailed(f"{command} ended {done.returncode}: {done.stderr[-500:]}")
    return raw.read_text(encoding="utf-8").splitlines()


def main() -> int:
    """Draw them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flames", description=__doc__)
    parser.add_argument("--only", choices=RUNS)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "flames")
    wanted = parser.parse_args()
    spy = peer_env.profiler(wanted.build / "env").with_name("py-spy")
    root = copy_demonstration(wanted.build / "copy")
    params = root / layout.PARAMS
    for name, (command, rate) in RUNS.items():
        if wanted.only not in (None, name):
            continue
        say(f"flames: {command}")
        if name == "repro":
            params.write_text(yaml_text.set_values(params.read_text(), {CHANGED: "0.0511"}))
        lines = recorded(root, spy, command, rate)
        image = IMAGES / f"flames-{name}.svg"
        image.write_text(picture(grown(lines), command), encoding="utf-8")
        say(f"flames: {image.name}: {image.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
