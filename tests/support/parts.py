"""Small server parts and client parts: the reference room, cut in two."""

from pathlib import Path

SERVER = """\
server:
  command: ["{python}", -m, roomcheck.reference.server, --port, "{room}"]
  ready within: 30s
endpoints:
  room: "127.0.0.1:{room}"
scale: 100
"""
CLIENT = """\
adapter:
  command: ["{python}", -m, roomcheck.reference.adapter]
scale: 100
"""


def write_part(folder: Path, name: str, half: str, more: str = "", spec: str = "zego-express/room-status") -> Path:
    """The folder of a part, as SERVER or CLIENT, with more in its target.yaml."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "target.yaml").write_text(f"target: {name}\nspec: {spec}\n{half}{more}\n", encoding="utf-8")
    return place
