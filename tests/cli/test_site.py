"""`roomcheck site`: streams of real and of damaged runs become a folder that holds together, and nothing is lost."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from roomcheck.cli import command
from roomcheck.errors import UsageError

CASE = "back-after-heartbeat-timeout/cut"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs in virtual time, of a conforming room and of a broken one."""
    folder = tmp_path_factory.mktemp("played")
    for name, more in (("good", []), ("bad", ["--defect", "never-reconnected"])):
        words = ["run", "--simulate", "-q", "-k", CASE, "-k", "kick", "--report-dir", str(folder / name), *more]
        CliRunner().invoke(command, words, standalone_mode=False)
    return folder


def made(streams: Sequence[Path], out: Path, *more: str) -> Result:
    return CliRunner().invoke(command, ["site", *map(str, streams), "--out", str(out), *more], standalone_mode=False)


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def runs(out: Path) -> set[str]:
    return {path.parent.name for path in out.glob("runs/*/report.html")}


def test_a_site_has_a_page_for_everything_and_the_pictures(played: Path, tmp_path: Path) -> None:
    """A cell leads to a case that has its picture, its trace and a command."""
    out = tmp_path / "site"
    found = made([played / "good" / "run.ndjson", played / "bad" / "run.ndjson"], out)

    assert found.return_value == 0
    assert "2 runs of 2 implementations" in found.output
    data = json.loads((out / "data.json").read_text())
    bad = next(s for s in data["standings"] if "never-reconnected" in s["implementation"])
    case = next(c for c in bad["cases"] if c["name"] == CASE)
    assert case["ending"] == "violates"
    report, _, anchor = case["report"].partition("#")
    part = (out / report).read_text().partition(f'id="{anchor}"')[2].partition('<details class="case"')[0]
    assert f"<b>{CASE}</b>" in part
    assert "<svg" in part
    assert f'href="traces/{CASE.replace("/", ".")}.jsonl"' in part
    assert (out / case["trace"]).is_file()


def test_the_same_streams_make_the_same_site(played: Path, tmp_path: Path) -> None:
    """In another folder, in another order, given twice, and made again over itself."""
    good, bad = played / "good" / "run.ndjson", played / "bad" / "run.ndjson"
    copied = tmp_path / "elsewhere" / "deep"
    shutil.copytree(played, copied)
    one, other = tmp_path / "one", tmp_path / "other"

    made([good, bad], one)
    made([copied / "bad" / "run.ndjson", copied / "good" / "run.ndjson", copied / "good" / "run.ndjson"], other)
    assert files(one) == files(other)
    made([good, bad], other)
    made([], other)
    assert files(one) == files(other)


def test_a_later_call_adds_to_the_site(played: Path, tmp_path: Path) -> None:
    """The site is its own history, and what only it holds is enough to make it again."""
    out = tmp_path / "site"
    for name in ("good", "bad"):
        shutil.copytree(played / name, tmp_path / name)
        made([tmp_path / name / "run.ndjson"], out)
        shutil.rmtree(tmp_path / name)
    whole = tmp_path / "whole"
    made([played / "good" / "run.ndjson", played / "bad" / "run.ndjson"], whole)

    assert files(out) == files(whole)


def test_keep_removes_the_oldest_runs_of_each(played: Path, tmp_path: Path) -> None:
    """And the pages of nobody else."""
    text = (played / "good" / "run.ndjson").read_text()
    for day in ("01", "02", "03"):
        folder = tmp_path / day
        folder.mkdir()
        head, _, rest = text.partition("\n")
        header = {**json.loads(head), "started": f"2026-11-{day}T00:00:00+00:00"}
        (folder / "run.ndjson").write_text(f"{json.dumps(header)}\n{rest}")
    out = tmp_path / "site"
    made([tmp_path / day / "run.ndjson" for day in ("01", "02", "03")], out)
    made([played / "bad" / "run.ndjson"], out)
    assert len(runs(out)) == 4

    damaged = out / "runs" / "0123456789ab"
    damaged.mkdir()
    (damaged / "run.ndjson").write_text("what somebody may mend")
    made([], out, "--keep", "2")
    assert len(runs(out)) == 3
    assert (damaged / "run.ndjson").exists()
    data = json.loads((out / "data.json").read_text())
    assert sorted(len(s["runs"]) for s in data["standings"]) == [1, 2]


def test_a_page_of_nobody_is_removed_with_its_last_run(played: Path, tmp_path: Path) -> None:
    """Whoever removes a run's folder removes what was made of it; files of others stay."""
    out = tmp_path / "site"
    made([played / "good" / "run.ndjson", played / "bad" / "run.ndjson"], out)
    (out / "CNAME").write_text("rooms.example")
    (out / "contracts" / "mine.html").write_text("mine")
    data = json.loads((out / "data.json").read_text())
    gone = next(i["page"] for i in data["implementations"] if "never" in i["name"])
    run_id = next(s["runs"][0]["id"] for s in data["standings"] if "never" in s["implementation"])
    shutil.rmtree(out / "runs" / run_id)
    made([], out)

    assert not (out / gone).exists()
    assert (out / "CNAME").exists()
    assert (out / "contracts" / "mine.html").exists()


DAMAGED = {
    "empty": b"",
    "blank": b"\n\n",
    "text": b"hello\n",
    "binary": b"\x00\xff\xfe\n",
    "older edition": b'{"record": "run", "version": 0, "target": "x"}\n',
    "no header": b'{"record": "case"}\n',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_stream_costs_one_line(played: Path, tmp_path: Path, content: bytes) -> None:
    """In the output and on the index; the others are shown."""
    bad = tmp_path / "bad.ndjson"
    bad.write_bytes(content)
    out = tmp_path / "site"
    found = made([bad, played / "good" / "run.ndjson"], out)

    assert found.return_value == 0
    said = [line for line in found.output.splitlines() if "bad.ndjson" in line]
    assert len(said) == 1
    assert "not shown" in said[0]
    assert "bad.ndjson</b>" in (out / "index.html").read_text()
    assert len(runs(out)) == 1
    alone = made([bad], tmp_path / "other")
    assert isinstance(alone.exception, UsageError)
    assert not (tmp_path / "other" / "index.html").exists()


def test_a_run_that_was_cut_short_is_shown_and_said(played: Path, tmp_path: Path) -> None:
    """Its last line may be half of one; when it has gone on, it is still one run."""
    content = (played / "good" / "run.ndjson").read_bytes()
    lines = content.splitlines(keepends=True)
    (tmp_path / "run.ndjson").write_bytes(b"".join(lines[:3]) + lines[3][:20])
    out = tmp_path / "site"
    found = made([tmp_path / "run.ndjson"], out)

    assert re.search("the run was cut short: its stream has no end; [0-9]+ of [0-9]+ cases have a result", found.output)
    assert "not complete" in (out / "index.html").read_text()
    (tmp_path / "run.ndjson").write_bytes(content)
    later = made([tmp_path / "run.ndjson"], out)
    assert "cut short" not in later.output
    assert "1 run of 1 implementation" in later.output
    assert len(runs(out)) == 1


def test_a_stream_publishes_no_file_but_traces(played: Path, tmp_path: Path) -> None:
    """Whatever it says that its trace is."""
    secret = tmp_path / "secret.jsonl"
    secret.write_text('{"password": "hunter2"}')
    stream = tmp_path / "run.ndjson"
    text = (played / "good" / "run.ndjson").read_text()
    old = json.loads(text.splitlines()[2])["trace_file"]
    stream.write_text(text.replace(json.dumps(old), json.dumps(str(secret))))
    out = tmp_path / "site"
    made([stream], out)

    assert len(runs(out)) == 1
    assert not list(out.rglob("secret*"))


def test_another_page_is_not_overwritten(played: Path, tmp_path: Path) -> None:
    """A folder with an index.html that is none of ours stays as it is."""
    (tmp_path / "index.html").write_text("mine")
    found = made([played / "good" / "run.ndjson"], tmp_path)

    assert isinstance(found.exception, UsageError)
    assert "choose another --out" in str(found.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_without_streams_there_must_be_a_site(tmp_path: Path) -> None:
    """Else nothing would be made of nothing."""
    found = made([], tmp_path / "site")

    assert isinstance(found.exception, UsageError)
    assert "name the run.ndjson" in str(found.exception)


def test_a_contract_that_is_not_here_costs_the_pictures(played: Path, tmp_path: Path) -> None:
    """One line says so, and the rest is shown."""
    shutil.copytree(played / "good", tmp_path / "good")
    stream = tmp_path / "good" / "run.ndjson"
    stream.write_text(stream.read_text().replace("zego-express/room-status", "nobody/knows"))
    found = made([stream], tmp_path / "site")

    assert found.return_value == 0
    assert "shown without pictures: there is no spec 'nobody/knows'" in found.output
