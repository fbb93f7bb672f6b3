"""YAML text -> nodes that know their line and column.

Only what a file of facts needs is read: maps with text keys, lists, text, whole and decimal numbers, true, false, null.
No tags, no merge keys, and words such as `on`, `no` or `12:30` stay text (YAML 1.2). Nodes are built from the
parser's events, so that depth and size are bounded before anything grows: an alias costs what it stands for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from roomcheck.errors import Problem, SpecError
from roomcheck.spec.where import Where

MAX_DEPTH = 32  # the deepest place of the grammar is about 12
MAX_NODES = 100_000  # a contract of 600 lines has about 5,000

MORE = "more "

_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}\Z")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}

_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where PyYAML was built with libyaml

Value = str | int | float | bool | None


@dataclass(slots=True)
class Node:
    """A value and where it stands; `keys` is where a map's keys stand."""

    where: Where
    value: "dict[str, Node] | list[Node] | Value"
    keys: dict[str, Where] = field(default_factory=dict)
    quoted: bool = False

    def plain(self) -> Any:
        """The value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, step: str | int) -> "Node | None":
        """The value of a key or the item of a list, if it is there."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def at(self, path: Sequence[str | int]) -> "Node":
        """The node at a path, or the last one on the way to it."""
        node = self
        for step in path:
            node = node.child(step) or node
        return node

    def key(self, name: str) -> Where:
        """Where a name stands: as a key, as an item of a list, or as the value itself."""
        if name in self.keys:
            return self.keys[name]
        if isinstance(self.value, list):
            return next((item.where for item in self.value if str(item.value) == name), self.where)
        return self.where


ANY = "*"
PATTERNS = {  # what fits a callback or a call: one thing, however many fields it names
    ("callbacks", ANY, "ignored"),
    ("connection", "told", ANY),
    ("presence", "joined"),
    ("presence", "left"),
    ("presence", "session", "requested by", ANY),
}


def merge(base: Node, over: Node, path: tuple[str, ...] = ()) -> Node:
    """Maps are merged key by key, everything else of `over` stands in the place of what `base` has; so do patterns.

    But a list under `more X` is put after the list X of `base`.
    """
    pattern = path in PATTERNS or (*path[:-1], ANY) in PATTERNS or (*path[:-2], ANY, *path[-1:]) in PATTERNS
    if pattern or not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    value = dict(base.value)
    for key, node in over.value.items():
        old = value.get(key.removeprefix(MORE))
        if key.startswith(MORE) and old is not None and isinstance(old.value, list) and isinstance(node.value, list):
            value[key.removeprefix(MORE)] = Node(old.where, [*old.value, *node.value], {**old.keys, **node.keys})
        else:
            value[key] = merge(value[key], node, (*path, key)) if key in value else node
    return Node(over.where, value, {**base.keys, **over.keys})


def read(text: str | bytes, file: str) -> Node:
    """One YAML document. SpecError names every doubled key, or the one place where reading had to stop."""
    if isinstance(text, bytes):
        text = _decode(text, file)
    try:
        return _Builder(text, file, _FAST).document()
    except (yaml.YAMLError, ValueError):
        return _read_slowly(text, file)


def _read_slowly(text: str, file: str) -> Node:
    """The same by the parser in Python, for the sake of its messages: they are the same on every machine."""
    builder = _Builder(text, file, yaml.SafeLoader)
    try:
        return builder.document()
    except yaml.MarkedYAMLError as e:
        where = builder.where(e.problem_mark)
        raise SpecError([Problem(file, where.line, where.column, f"this is no YAML: {_plainly(e)}")]) from e
    except yaml.reader.ReaderError as e:
        before = text[: e.position]
        column = e.position - before.rfind("\n")
        message = f"this is no text: the character {chr(e.character)!r} is not allowed"
        raise SpecError([Problem(file, before.count("\n") + 1, column, message)]) from e
    except (ValueError, OverflowError) as e:  # "\UFFFFFFFF" ends in chr()
        raise SpecError([Problem(file, builder.line, 1, f"this is no YAML: {e}")]) from e


_PLAINLY = {  # what the parser says -> what to do
    "found character '\\t'": "a tab does not indent; use spaces",
    "mapping values are not allowed here": "a second ': ' in one value; quote the text, or indent it as its neighbours",
    "expected <block end>, but found '}'": "this bracket closes none that was opened",
    "expected <block end>, but found ']'": "this bracket closes none that was opened",
    "expected <block end>, but found '<scalar>'": "this is no part of the value before it; quote all of it",
    "expected <block end>": "this line is not indented as its neighbours are",
    "expected '<document start>'": "this line is not indented as the one above",
    "'<stream end>'": "a bracket that was opened before is not closed",
    "expected ',' or": "a comma or a closing bracket is missing before this",
    "found unexpected end of stream": "a quote that was opened before is not closed",
    "sequence entries are not allowed here": "a list with dashes begins on a line of its own",
    "could not find expected ':'": "a line above is neither `key: value` nor a part of a value",
    "found unknown escape character": "in double quotes a backslash is written twice; or use single quotes",
    "expected the node content": "text that begins with this character needs quotes",
    "that cannot start any token": "text that begins with this character needs quotes",
}


def _plainly(e: yaml.MarkedYAMLError) -> str:
    """The parser's message in words that need no knowledge of parsers, where there are some."""
    what = ": ".join(part for part in (e.context, e.problem) if part)
    return next((plain for words, plain in _PLAINLY.items() if words in what), what)


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        column = e.start - (data.rfind(b"\n", 0, e.start) + 1) + 1
        raise SpecError([Problem(file, line, column, f"byte {data[e.start]:#x} is not UTF-8")]) from e


class _Builder:
    """From the parser's events to nodes."""

    def __init__(self, text: str, file: str, loader: Any) -> None:
        self.file = file
        self.events = cast("Iterator[Any]", yaml.parse(text, Loader=loader))
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.size = 0
        self.line = 1

    def where(self, mark: Any) -> Where:
        return Where(self.file, mark.line + 1, mark.column + 1)

    def document(self) -> Node:
        next(self.events)  # the stream begins
        if not isinstance(next(self.events), yaml.DocumentStartEvent):
            self._stop(Where(self.file, 1, 1), "the file is empty")
        node = self._node(next(self.events), 0)
        next(self.events)  # the document ends
        more = next(self.events)
        if not isinstance(more, yaml.StreamEndEvent):
            self._stop(self.where(more.start_mark), "a second document begins here; one document a file")
        if self.problems:
            raise SpecError(self.problems)
        return node

    def _stop(self, where: Where, message: str) -> None:
        raise SpecError([*self.problems, Problem(where.file, where.line, where.column, message)])

    def _node(self, event: Any, depth: int) -> Node:
        where = self.where(event.start_mark)
        self.line = where.line
        before = self.size
        self._grow(1, where)
        if depth > MAX_DEPTH:
            self._stop(where, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, where)
        anchor = event.anchor
        if event.tag is not None:
            self._problem(where, f"the tag {event.tag} is not read; write the plain value")
        if isinstance(event, yaml.MappingStartEvent):
            node = self._map(where, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Node(where, [])
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                cast("list[Node]", node.value).append(self._node(event, depth + 1))
        else:
            plain = not event.style
            node = Node(where, _scalar(event.value) if plain else event.value, quoted=event.style in ("'", '"'))
        if anchor is not None:
            self.anchors[anchor] = (node, self.size - before)
        return node

    def _map(self, where: Where, depth: int) -> Node:
        value: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            place = self.where(event.start_mark)
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if key is None:
                self._node(event, depth + 1)
                self._problem(place, "a key must be a word, not a list, a map or an alias")
            child = self._node(next(self.events), depth + 1)
            if key is None:
                continue
            if key in value:
                self._problem(place, f"{key!r} stands here for the second time; the first is in line {keys[key].line}")
                continue
            value[key] = child
            keys[key] = place
        return Node(where, value, keys)

    def _alias(self, event: Any, where: Where) -> Node:
        if event.anchor not in self.anchors:
            self._stop(where, f"*{event.anchor} stands for nothing that was named before")
        node, size = self.anchors[event.anchor]
        self._grow(size, where)
        return node

    def _grow(self, size: int, where: Where) -> None:
        self.size += size
        if self.size > MAX_NODES:
            self._stop(where, f"more than {MAX_NODES} values; aliases count as what they stand for")

    def _problem(self, where: Where, message: str) -> None:
        self.problems.append(Problem(where.file, where.line, where.column, message))


def _scalar(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    return float(text) if _DECIMAL.match(text) else text
